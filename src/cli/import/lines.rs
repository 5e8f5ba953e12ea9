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
