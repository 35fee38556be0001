//! What a file is, by its content. Names and declared types are never believed.

/// A type of file that is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaType {
    /// `image/jpeg`
    Jpeg,
    /// `image/png`
    Png,
    /// `image/webp`
    WebP,
    /// `application/pdf`
    Pdf,
}

/// How far from the end of a PDF its end mark may be, in bytes.
const PDF_END_WINDOW: usize = 1_024;

impl MediaType {
    /// All types.
    pub const ALL: [Self; 4] = [Self::Jpeg, Self::Png, Self::WebP, Self::Pdf];

    /// The type of a file, if it is one that is taken.
    #[must_use]
    pub fn of(content: &[u8]) -> Option<Self> {
        match content {
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Self::Png),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::WebP),
            [b'%', b'P', b'D', b'F', b'-', ..] if ends_like_a_pdf(content) => Some(Self::Pdf),
            _ => None,
        }
    }

    /// Name of the type (RFC 6838).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::WebP => "image/webp",
            Self::Pdf => "application/pdf",
        }
    }
}

/// A PDF begins with its mark at the first byte and ends with its other mark, so that what is before or behind
/// it (an archive, a script) does not come along.
fn ends_like_a_pdf(content: &[u8]) -> bool {
    let tail = content
        .get(content.len().saturating_sub(PDF_END_WINDOW)..)
        .unwrap_or(content);
    let Some(mark) = tail.windows(5).rposition(|window| window == b"%%EOF") else {
        return false;
    };
    tail.get(mark + 5..)
        .is_some_and(|rest| rest.iter().all(u8::is_ascii_whitespace))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_told_by_content() {
        assert_eq!(MediaType::of(b"\xff\xd8\xff\xe0rest"), Some(MediaType::Jpeg));
        assert_eq!(MediaType::of(b"\x89PNG\r\n\x1a\nrest"), Some(MediaType::Png));
        assert_eq!(MediaType::of(b"RIFF1234WEBPrest"), Some(MediaType::WebP));
        assert_eq!(MediaType::of(b"%PDF-1.7\nrest\n%%EOF\n"), Some(MediaType::Pdf));
    }

    #[test]
    fn everything_else_is_refused() {
        for content in [
            &b""[..],
            b"<html><script>",
            b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>",
            b"GIF89a",
            b"PK\x03\x04",
            b"MZ",
            b"RIFF1234WAVE",
            b"\n%PDF-1.7\n%%EOF",
            b"%PDF-1.7\n%%EOF\nPK\x03\x04archive",
            b"%PDF-1.7 without an end",
        ] {
            assert_eq!(MediaType::of(content), None, "{content:?}");
        }
    }
}
