//! A picture is decoded and encoded anew: what comes out holds pixels and nothing else, no EXIF, no GPS position,
//! no thumbnail, no text chunk, no second file behind the end. The orientation that a camera notes in EXIF is
//! applied to the pixels first, or portraits would lie on their side.
//!
//! A PDF is kept as it is: its text is the evidence. What it says of its author stays in it.

use std::io::Cursor;

use image::{
    DynamicImage, ImageDecoder as _, ImageFormat, ImageReader, Limits,
    codecs::{jpeg::JpegEncoder, png::PngEncoder, webp::WebPEncoder},
};

use super::MediaType;

const JPEG_QUALITY: u8 = 88;
/// Memory that decoding one picture may take, in bytes.
const DECODE_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// Longest side of a picture, in pixels.
const SIDE_MAX: u32 = 20_000;

/// The content is not the picture that its first bytes announce, or is larger than is decoded here.
#[derive(Debug, thiserror::Error)]
#[error("the picture cannot be read")]
pub struct Unreadable;

/// Cleans a file of a type.
///
/// # Errors
/// [`Unreadable`].
pub fn clean(media_type: MediaType, content: Vec<u8>, pixels_max: u64) -> Result<Vec<u8>, Unreadable> {
    let format = match media_type {
        MediaType::Jpeg => ImageFormat::Jpeg,
        MediaType::Png => ImageFormat::Png,
        MediaType::WebP => ImageFormat::WebP,
        MediaType::Pdf => return Ok(content),
    };
    let picture = decode(format, &content, pixels_max)?;
    encode(media_type, picture)
}

fn decode(format: ImageFormat, content: &[u8], pixels_max: u64) -> Result<DynamicImage, Unreadable> {
    let mut reader = ImageReader::with_format(Cursor::new(content), format);
    let mut limits = Limits::default();
    limits.max_alloc = Some(DECODE_BYTES_MAX);
    limits.max_image_width = Some(SIDE_MAX);
    limits.max_image_height = Some(SIDE_MAX);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|_| Unreadable)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > pixels_max {
        return Err(Unreadable);
    }
    // A malformed note on the orientation is no reason to refuse the picture.
    let orientation = decoder
        .orientation()
        .unwrap_or(image::metadata::Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder).map_err(|_| Unreadable)?;
    picture.apply_orientation(orientation);
    Ok(picture)
}

fn encode(media_type: MediaType, picture: DynamicImage) -> Result<Vec<u8>, Unreadable> {
    let mut out = Vec::new();
    let encoded = match media_type {
        MediaType::Jpeg => {
            eight_bits(picture, false).write_with_encoder(JpegEncoder::new_with_quality(&mut out, JPEG_QUALITY))
        }
        MediaType::WebP => eight_bits(picture, true).write_with_encoder(WebPEncoder::new_lossless(&mut out)),
        MediaType::Png | MediaType::Pdf => picture.write_with_encoder(PngEncoder::new(&mut out)),
    };
    encoded.map_err(|_| Unreadable)?;
    Ok(out)
}

/// JPEG has no transparency, and neither JPEG nor WebP more than eight bits a channel.
fn eight_bits(picture: DynamicImage, transparent: bool) -> DynamicImage {
    match (transparent && picture.color().has_alpha(), &picture) {
        (true, _) => picture.into_rgba8().into(),
        (false, DynamicImage::ImageLuma8(_)) if !transparent => picture,
        (false, _) => picture.into_rgb8().into(),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use image::RgbImage;

    use super::*;

    fn picture(width: u32, height: u32) -> DynamicImage {
        RgbImage::from_fn(width, height, |x, y| image::Rgb([x as u8, y as u8, 7])).into()
    }

    #[test]
    fn every_type_survives_and_loses_what_is_behind_its_end() {
        for (media_type, format) in [
            (MediaType::Jpeg, ImageFormat::Jpeg),
            (MediaType::Png, ImageFormat::Png),
            (MediaType::WebP, ImageFormat::WebP),
        ] {
            let mut content = Vec::new();
            picture(40, 30)
                .write_to(&mut Cursor::new(&mut content), format)
                .unwrap();
            content.extend_from_slice(b"PK\x03\x04<script>canary</script>");
            let cleaned = clean(media_type, content, 10_000).unwrap();
            assert_eq!(MediaType::of(&cleaned), Some(media_type));
            assert!(!cleaned.windows(6).any(|window| window == b"canary"), "{media_type:?}");
            let again = image::load_from_memory_with_format(&cleaned, format).unwrap();
            assert_eq!((again.width(), again.height()), (40, 30));
        }
    }

    #[test]
    fn a_picture_that_is_none_or_too_large_is_refused() {
        let mut content = Vec::new();
        picture(40, 30)
            .write_to(&mut Cursor::new(&mut content), ImageFormat::Png)
            .unwrap();
        assert!(clean(MediaType::Png, content.clone(), 1_199).is_err());
        assert!(clean(MediaType::Png, content[..content.len() / 2].to_vec(), 10_000).is_err());
        assert!(clean(MediaType::Jpeg, b"\xff\xd8\xff\xe0 not a picture".to_vec(), 10_000).is_err());
    }
}
