//! The lines of an export, gzipped or not.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::actions::ingest::{Event, IngestEvent};
use crate::cli::Failure;

/// What `import` takes.
const MAX_LINE_BYTES: usize = 1024 * 1024;
const BUFFER_BYTES: usize = 256 * 1024;

type Plain = BufWriter<Box<dyn Write + Send>>;

/// Writes events, each on a line.
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
    /// Lines of that file, gzipped when its name ends in `.gz`, or of standard output.
    pub(super) fn to(path: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = path.filter(|path| path.as_os_str() != "-") else {
            return Ok(Self::of(Box::new(io::stdout()), false));
        };
        let file = File::create(path)
            .map_err(|error| Failure::new(format!("cannot write {}: {error}", path.display())))?;
        Ok(Self::of(Box::new(file), path.extension().is_some_and(|extension| extension == "gz")))
    }

    fn of(output: Box<dyn Write + Send>, is_gzip: bool) -> Self {
        let plain = BufWriter::with_capacity(BUFFER_BYTES, output);
        let output = match is_gzip {
            true => Output::Gzip(GzEncoder::new(plain, Compression::default())),
            false => Output::Plain(plain),
        };
        Self { output, line: Vec::new(), written: 0, too_long: 0 }
    }

    /// Writes an event. A message that is too long for a line is written as several, which come to the same; what does not
    /// fit even then is told and left out.
    pub(super) fn write(&mut self, event: IngestEvent) -> io::Result<()> {
        self.put_into_line(&event)?;
        if self.line.len() <= MAX_LINE_BYTES {
            return self.write_line();
        }
        let IngestEvent { session, event: Event::Message(message) } = event else {
            self.leave_out("an event");
            return Ok(());
        };
        for part in message.apart() {
            let name = format!("part of message {}", part.id);
            let event = Event::Message(Box::new(part));
            self.put_into_line(&IngestEvent { session: session.clone(), event })?;
            if self.line.len() <= MAX_LINE_BYTES { self.write_line()? } else { self.leave_out(&name) }
        }
        Ok(())
    }

    fn put_into_line(&mut self, event: &IngestEvent) -> io::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, event)?;
        self.line.push(b'\n');
        Ok(())
    }

    fn write_line(&mut self) -> io::Result<()> {
        self.written += 1;
        match &mut self.output {
            Output::Plain(plain) => plain.write_all(&self.line),
            Output::Gzip(gzip) => gzip.write_all(&self.line),
        }
    }

    fn leave_out(&mut self, what: &str) {
        self.too_long += 1;
        eprintln!("{what} is left out: it is longer than the 1 MiB that a line may have");
    }

    /// Writes what is left. Answers how many events were written, and how many were left out.
    pub(super) fn finish(self) -> io::Result<(u64, u64)> {
        match self.output {
            Output::Plain(mut plain) => plain.flush()?,
            Output::Gzip(gzip) => gzip.finish()?.flush()?,
        }
        Ok((self.written, self.too_long))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::{Value, json};

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

    fn event(message: Value) -> IngestEvent {
        serde_json::from_value(json!({"session": "15550100400", "message": message})).unwrap()
    }

    #[test]
    fn a_message_that_is_too_long_is_written_in_parts() {
        let written = Written::default();
        let mut lines = Lines::of(Box::new(written.clone()), false);
        let part = "x".repeat(700_000);
        let told = json!({"id": "A", "chat": "15550101001@c.us", "fromMe": true, "timestamp": 7, "updatedAt": 9,
            "body": "hello", "ack": "2", "rawData": part, "media": part});
        lines.write(event(told)).unwrap();
        // Control characters are written six times as long.
        let odd = "\u{1}".repeat(200_000);
        lines.write(event(json!({"id": "B", "chat": "15550101001@c.us", "fromMe": true, "timestamp": 7, "rawData": odd}))).unwrap();
        assert_eq!(lines.finish().unwrap(), (4, 1));

        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(lines.iter().all(|line| line["session"] == "15550100400"));
        assert!(lines[..3].iter().all(|line| line["message"]["updatedAt"] == 9));
        let holding = |key: &str| lines.iter().filter(|line| !line["message"][key].is_null()).count();
        assert_eq!([holding("rawData"), holding("media"), holding("body"), holding("ack")], [1, 1, 1, 1]);
    }
}
