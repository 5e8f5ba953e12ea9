//! Detects what a file really is, by its first bytes.

/// What the first bytes of a file say.
struct Signature {
    /// Where they begin.
    at: usize,
    /// The bytes.
    bytes: &'static [u8],
    /// The MIME type, where none was declared.
    mime_type: &'static str,
    /// The top-level types that a file like this may have been declared as.
    families: &'static [&'static str],
}

const IMAGE: &[&str] = &["image"];
const AUDIO: &[&str] = &["audio"];
const VIDEO: &[&str] = &["video"];
/// Containers of sound and pictures.
const MEDIA: &[&str] = &["audio", "video"];
const DOCUMENT: &[&str] = &[];

const fn signature(
    at: usize,
    bytes: &'static [u8],
    mime_type: &'static str,
    families: &'static [&'static str],
) -> Signature {
    Signature { at, bytes, mime_type, families }
}

/// The signatures of common types, as in the WHATWG standard "MIME Sniffing", and of those that WhatsApp sends beside them.
const SIGNATURES: [Signature; 28] = [
    signature(0, b"\xff\xd8\xff", "image/jpeg", IMAGE),
    signature(0, b"\x89PNG\r\n\x1a\n", "image/png", IMAGE),
    signature(0, b"GIF8", "image/gif", IMAGE),
    signature(8, b"WEBP", "image/webp", IMAGE),
    signature(0, b"BM", "image/bmp", IMAGE),
    signature(0, b"II*\0", "image/tiff", IMAGE),
    signature(0, b"MM\0*", "image/tiff", IMAGE),
    signature(4, b"ftypheic", "image/heic", IMAGE),
    signature(4, b"ftypmif1", "image/heif", IMAGE),
    signature(4, b"ftypavif", "image/avif", IMAGE),
    signature(4, b"ftypM4A", "audio/mp4", MEDIA),
    signature(4, b"ftypqt", "video/quicktime", VIDEO),
    signature(4, b"ftyp3g", "video/3gpp", MEDIA),
    signature(4, b"ftyp", "video/mp4", MEDIA),
    signature(0, b"\x1a\x45\xdf\xa3", "video/webm", MEDIA),
    signature(0, b"OggS", "audio/ogg", MEDIA),
    signature(0, b"ID3", "audio/mpeg", AUDIO),
    signature(0, b"\xff\xfb", "audio/mpeg", AUDIO),
    signature(0, b"\xff\xf1", "audio/aac", AUDIO),
    signature(0, b"\xff\xf9", "audio/aac", AUDIO),
    signature(0, b"#!AMR", "audio/amr", AUDIO),
    signature(8, b"WAVE", "audio/wav", AUDIO),
    signature(8, b"AVI ", "video/x-msvideo", VIDEO),
    signature(0, b"%PDF-", "application/pdf", DOCUMENT),
    signature(0, b"PK\x03\x04", "application/zip", DOCUMENT),
    signature(0, b"\x1f\x8b", "application/gzip", DOCUMENT),
    signature(0, b"\x7fELF", "application/octet-stream", DOCUMENT),
    signature(0, b"MZ", "application/octet-stream", DOCUMENT),
];

const UNKNOWN: &str = "application/octet-stream";

/// The MIME type of a file with these first bytes.
///
/// # Errors
///
/// It was declared as an image, audio or a video and is something else, such as HTML.
pub fn checked(declared: Option<&str>, head: &[u8]) -> Result<String, &'static str> {
    let has = |signature: &&Signature| {
        head.get(signature.at..).is_some_and(|rest| rest.starts_with(signature.bytes))
    };
    let detected = SIGNATURES.iter().find(has);
    let Some(declared) = declared.and_then(normalized) else {
        return Ok(detected.map_or(UNKNOWN, |signature| signature.mime_type).to_owned());
    };
    let family = declared.split('/').next().unwrap_or_default();
    let is_shown = matches!(family, "image" | "audio" | "video");
    let is_other = match detected {
        Some(signature) => !signature.families.contains(&family),
        None => is_text(head),
    };
    // SVG is text; it is never shown in a page.
    if is_shown && is_other && declared != "image/svg+xml" {
        return Err("the file is not of the declared type");
    }
    Ok(declared)
}

/// A MIME type in lower case with its parameters; `None` if it is not one.
fn normalized(declared: &str) -> Option<String> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&^_.+-/;=, \"".contains(&byte);
    let (family, rest) = declared.split_once('/')?;
    let is_type = !family.is_empty() && !rest.is_empty() && declared.len() <= 127;
    (is_type && declared.bytes().all(is_allowed)).then(|| declared.trim().to_ascii_lowercase())
}

/// Whether these are the first bytes of a text, such as HTML, JSON or a message about an error.
fn is_text(head: &[u8]) -> bool {
    let is_control = |byte: &u8| matches!(byte, 0..=8 | 11 | 14..=26 | 28..=31);
    !head.is_empty() && !head.iter().any(is_control) && {
        let text = String::from_utf8_lossy(head);
        // The last character may be cut off.
        !text.trim_end_matches('\u{fffd}').contains('\u{fffd}')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_of_the_declared_type_keeps_it() {
        for (declared, head) in [
            ("image/jpeg", &b"\xff\xd8\xff\xe0\0\x10JFIF"[..]),
            ("image/webp", b"RIFF\x10\0\0\0WEBPVP8 "),
            ("audio/ogg; codecs=opus", b"OggS\0\x02"),
            ("audio/mp4", b"\0\0\0\x20ftypmp42"),
            ("video/mp4", b"\0\0\0\x20ftypisom"),
            ("audio/mpeg", b"ID3\x04"),
            ("application/pdf", b"%PDF-1.7"),
            ("text/html", b"<!doctype html>"),
            ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", b"PK\x03\x04"),
            ("image/x-unknown", b"\x01\x02\x03\x04"),
        ] {
            assert_eq!(checked(Some(declared), head).as_deref(), Ok(declared));
        }
        assert_eq!(checked(Some("Image/PNG"), b"\x89PNG\r\n\x1a\n").as_deref(), Ok("image/png"));
    }

    #[test]
    fn file_of_another_type_than_declared_is_rejected() {
        for (declared, head) in [
            ("image/jpeg", &b"<!DOCTYPE html><script>"[..]),
            ("image/png", b"{\"error\": \"not found\"}"),
            ("image/png", b"\x7fELF\x02\x01"),
            ("image/jpeg", b"%PDF-1.7"),
            ("audio/ogg", b"\xff\xd8\xff\xe0"),
            ("video/mp4", "Größe: ungültig".as_bytes()),
        ] {
            assert!(checked(Some(declared), head).is_err(), "{declared}");
        }
    }

    #[test]
    fn type_that_is_not_declared_is_detected() {
        assert_eq!(checked(None, b"GIF89a").as_deref(), Ok("image/gif"));
        assert_eq!(checked(None, b"<html>").as_deref(), Ok(UNKNOWN));
        assert_eq!(checked(Some("image/png\r\nx: y"), b"GIF89a").as_deref(), Ok("image/gif"));
    }
}
