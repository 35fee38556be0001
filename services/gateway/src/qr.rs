//! QR codes as SVG.

use qrcode::{QrCode, render::svg};
use tuntas_kit::problem::Problem;

const SIDE_PX: u32 = 192;

/// The code of a text, as an SVG element.
///
/// # Errors
/// The text is too long for one.
pub fn svg(text: &str) -> Result<String, Problem> {
    let code = QrCode::new(text.as_bytes()).map_err(Problem::internal)?;
    let image = code.render::<svg::Color<'_>>().min_dimensions(SIDE_PX, SIDE_PX).build();
    // Within a page there is no place for an XML declaration.
    Ok(image.find("<svg").map_or(image.clone(), |at| image[at..].to_owned()))
}
