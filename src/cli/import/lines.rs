//! Reads the lines of a file, which may be gzipped, with bounded memory.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;

use crate::cli::Failure;

const MAX_LINE_BYTES: usize = 1024 * 1024;
const BUFFER_BYTES: usize = 256 * 1024;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads a file line by line.
pub(super) struct Lines {
    input: Box<dyn BufRead + Send>,
    /// Name of the input, for errors.
    name: String,
    line: Vec<u8>,
    number: u64,
}

/// One line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// Without its line end.
    Text(&'a [u8]),
    /// Longer than an event may be, and skipped.
    TooLong,
}

impl Lines {
    /// Gzip is recognized by its first two bytes, whatever the file's name.
    pub(super) fn new(name: String, input: impl Read + Send + 'static) -> Result<Self, Failure> {
        let mut input = BufReader::with_capacity(BUFFER_BYTES, input);
        let start = input.fill_buf().map_err(|error| unreadable(&name, &error))?;
        let is_gzip = start.starts_with(&GZIP_MAGIC);
        let input: Box<dyn BufRead + Send> = if is_gzip {
            Box::new(BufReader::with_capacity(BUFFER_BYTES, MultiGzDecoder::new(input)))
        } else {
            Box::new(input)
        };
        Ok(Self { input, name, line: Vec::new(), number: 0 })
    }

    /// The next line that is not blank, with its number; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<(u64, Line<'_>)>, Failure> {
        loop {
            self.line.clear();
            self.number += 1;
            let limit = MAX_LINE_BYTES as u64 + 1;
            let read = self.input.by_ref().take(limit).read_until(b'\n', &mut self.line);
            let unreadable = |error| unreadable(&format!("{}, line {}", self.name, self.number), &error);
            let read = read.map_err(unreadable)?;
            if read == 0 {
                return Ok(None);
            }
            if read > MAX_LINE_BYTES && self.line.last() != Some(&b'\n') {
                self.input.skip_until(b'\n').map_err(unreadable)?;
                return Ok(Some((self.number, Line::TooLong)));
            }
            if self.number == 1 && self.line.starts_with(BYTE_ORDER_MARK) {
                self.line.drain(..BYTE_ORDER_MARK.len());
            }
            if !self.line.trim_ascii().is_empty() {
                return Ok(Some((self.number, Line::Text(self.line.trim_ascii()))));
            }
        }
    }
}

fn unreadable(place: &str, error: &io::Error) -> Failure {
    // Only gzip can end too early.
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return Failure::new(format!("cannot read {place}: the gzip stream is truncated"));
    }
    Failure::new(format!("cannot read {place}: {error}"))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn numbers_and_lengths(input: Vec<u8>) -> Vec<(u64, Option<usize>)> {
        let mut lines = Lines::new("events".to_owned(), io::Cursor::new(input)).unwrap();
        let mut found = Vec::new();
        while let Some((number, line)) = lines.next().unwrap() {
            found.push((
                number,
                match line {
                    Line::Text(text) => Some(text.len()),
                    Line::TooLong => None,
                },
            ));
        }
        found
    }

    #[test]
    fn blank_lines_count_but_are_skipped() {
        assert_eq!(
            numbers_and_lengths(b"\xef\xbb\xbf{}\r\n\n  \nabc".to_vec()),
            [(1, Some(2)), (4, Some(3))]
        );
    }

    #[test]
    fn too_long_line_is_skipped_to_its_end() {
        let mut input = vec![b'x'; MAX_LINE_BYTES + 1];
        input.extend(b"\n{}\n");
        assert_eq!(numbers_and_lengths(input), [(1, None), (2, Some(2))]);
        let mut exact = vec![b'x'; MAX_LINE_BYTES];
        exact.push(b'\n');
        assert_eq!(numbers_and_lengths(exact), [(1, Some(MAX_LINE_BYTES))]);
    }

    #[test]
    fn gzip_is_recognized_by_its_content() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(b"{}\n{}\n").unwrap();
        assert_eq!(numbers_and_lengths(encoder.finish().unwrap()), [(1, Some(2)), (2, Some(2))]);
    }

    #[test]
    fn read_error_names_file_and_line() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(b"{}\n{}\n").unwrap();
        let mut cut = encoder.finish().unwrap();
        cut.truncate(cut.len() - 8);
        let mut lines = Lines::new("events.gz".to_owned(), io::Cursor::new(cut)).unwrap();
        let failure = loop {
            match lines.next() {
                Ok(line) => assert!(line.is_some(), "the truncated stream was read to its end"),
                Err(failure) => break failure.to_string(),
            }
        };
        assert_eq!(failure, "cannot read events.gz, line 3: the gzip stream is truncated");
    }
}
