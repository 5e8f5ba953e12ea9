//! Writes the lines of an export, gzipped or not.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Map, Value, json};

use crate::actions::ingest::IngestEvent;
use crate::cli::Failure;
use crate::cli::note::note;

/// The limit of `import`.
const MAX_LINE_BYTES: usize = 1024 * 1024;
const BUFFER_BYTES: usize = 256 * 1024;
/// Fields that every part of a message has.
const KEY_FIELDS: [&str; 7] = ["id", "chat", "fromMe", "author", "sender", "timestamp", "updatedAt"];
/// Short fields, which stay together.
const SHORT_FIELDS: [&str; 4] = ["type", "body", "ack", "deliveryInfo"];

type Plain = BufWriter<Box<dyn Write + Send>>;

/// Writes events, one a line.
pub(super) struct Lines {
    output: Output,
    line: Vec<u8>,
    written: u64,
    too_long: u64,
}

enum Output {
    Plain(Plain),
    Gzip(GzEncoder<Plain>),
}

impl Lines {
    /// Creates the file, gzipped when its name ends in `.gz`. Without a path or with `-`, writes to standard output.
    pub(super) fn create(path: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = path.filter(|path| path.as_os_str() != "-") else {
            return Ok(Self::new(Box::new(io::stdout()), false));
        };
        let file = File::create(path)
            .map_err(|error| Failure::new(format!("cannot write {}: {error}", path.display())))?;
        Ok(Self::new(Box::new(file), path.extension().is_some_and(|extension| extension == "gz")))
    }

    fn new(output: Box<dyn Write + Send>, is_gzip: bool) -> Self {
        let plain = BufWriter::with_capacity(BUFFER_BYTES, output);
        let output = match is_gzip {
            true => Output::Gzip(GzEncoder::new(plain, Compression::default())),
            false => Output::Plain(plain),
        };
        Self { output, line: Vec::new(), written: 0, too_long: 0 }
    }

    /// Writes an event. A message too long for a line is written as several events that merge to the same message.
    ///
    /// What is too long even then is reported and left out.
    pub(super) fn write(&mut self, event: &IngestEvent) -> io::Result<()> {
        if self.write_if_short(event)? {
            return Ok(());
        }
        let line = serde_json::to_value(event)?;
        let Some(message) = line["message"].as_object() else {
            self.leave_out("an event");
            return Ok(());
        };
        for part in split(message) {
            if !self.write_if_short(&json!({"session": line["session"], "message": part}))? {
                self.leave_out(&format!("part of message {}", part["id"]));
            }
        }
        Ok(())
    }

    fn write_if_short(&mut self, event: &impl serde::Serialize) -> io::Result<bool> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, event)?;
        self.line.push(b'\n');
        if self.line.len() > MAX_LINE_BYTES {
            return Ok(false);
        }
        self.written += 1;
        match &mut self.output {
            Output::Plain(plain) => plain.write_all(&self.line)?,
            Output::Gzip(gzip) => gzip.write_all(&self.line)?,
        }
        Ok(true)
    }

    fn leave_out(&mut self, event: &str) {
        self.too_long += 1;
        note(format_args!("{event} is left out: it is longer than the limit of 1 MiB a line"));
    }

    /// Flushes. Returns the number of events that were written, and of those that were left out.
    pub(super) fn finish(self) -> io::Result<(u64, u64)> {
        match self.output {
            Output::Plain(mut plain) => plain.flush()?,
            Output::Gzip(gzip) => gzip.finish()?.flush()?,
        }
        Ok((self.written, self.too_long))
    }
}

/// Splits a message: one part for each field that may be long, then one for the short fields.
fn split(message: &Map<String, Value>) -> Vec<Map<String, Value>> {
    let with = |is_wanted: &dyn Fn(&str) -> bool| -> Map<String, Value> {
        let fields =
            message.iter().filter(|(name, _)| KEY_FIELDS.contains(&name.as_str()) || is_wanted(name));
        fields.map(|(name, value)| (name.clone(), value.clone())).collect()
    };
    let is_short = |name: &str| KEY_FIELDS.contains(&name) || SHORT_FIELDS.contains(&name);
    let long_fields = message.keys().filter(|name| !is_short(name));
    let mut parts: Vec<_> = long_fields.map(|long| with(&|name| name == long)).collect();
    parts.push(with(&is_short));
    parts
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn event(message: &Value) -> IngestEvent {
        serde_json::from_value(json!({"session": "15550100400", "message": message})).unwrap()
    }

    #[test]
    fn too_long_message_is_written_in_parts() {
        let written = Written::default();
        let mut lines = Lines::new(Box::new(written.clone()), false);
        let part = "x".repeat(700_000);
        let message = json!({"id": "A", "chat": "15550101001@c.us", "fromMe": true, "timestamp": 7, "updatedAt": 9,
            "body": "hello", "ack": "2", "rawData": part, "media": part});
        lines.write(&event(&message)).unwrap();
        // Control characters are six times as long in JSON.
        let long = "\u{1}".repeat(200_000);
        let message =
            json!({"id": "B", "chat": "15550101001@c.us", "fromMe": true, "timestamp": 7, "rawData": long});
        lines.write(&event(&message)).unwrap();
        assert_eq!(lines.finish().unwrap(), (4, 1));

        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(lines.iter().all(|line| line["session"] == "15550100400"));
        assert!(lines[..3].iter().all(|line| line["message"]["updatedAt"] == 9));
        let holding = |key: &str| lines.iter().filter(|line| !line["message"][key].is_null()).count();
        assert_eq!([holding("rawData"), holding("media"), holding("body"), holding("ack")], [1, 1, 1, 1]);
    }
}
