//! The comments of the proto files, as descriptions.

use std::collections::HashMap;

use prost_reflect::{
    DescriptorPool, EnumDescriptor, FieldDescriptor, FileDescriptor, MessageDescriptor, MethodDescriptor,
    ServiceDescriptor,
};

use crate::options::FieldNames;

/// Every leading comment, by the file and path of the element it is attached to.
pub(super) struct Comments {
    by_path: HashMap<(String, Vec<i32>), String>,
    /// lowerCamelCase of every field name that differs from it.
    camel: HashMap<String, String>,
}

impl Comments {
    pub(super) fn read(pool: &DescriptorPool) -> Self {
        let mut by_path = HashMap::new();
        for file in pool.files() {
            let Some(info) = &file.file_descriptor_proto().source_code_info else { continue };
            for location in &info.location {
                if let Some(comment) = &location.leading_comments {
                    by_path.insert((file.name().to_owned(), location.path.clone()), paragraphs(comment));
                }
            }
        }
        let fields = pool.all_messages().flat_map(|message| message.fields().collect::<Vec<_>>());
        let renamed = fields.filter(|field| field.name() != field.json_name());
        let camel = renamed.map(|field| (field.name().to_owned(), field.json_name().to_owned())).collect();
        Self { by_path, camel }
    }

    /// The comment, with field names in this spelling; empty where there is none.
    pub(super) fn of(&self, names: FieldNames, documented: &impl Documented) -> String {
        let (file, path) = documented.location();
        let comment = self.by_path.get(&(file.name().to_owned(), path)).cloned().unwrap_or_default();
        match names {
            FieldNames::LowerCamel => self.in_camel(&comment),
            FieldNames::Proto | FieldNames::Unspecified => comment,
        }
    }

    /// The comment with the field names that it has in backticks in lowerCamelCase.
    fn in_camel(&self, comment: &str) -> String {
        let parts = comment.split('`').enumerate().map(|(index, part)| {
            let is_code = index % 2 == 1;
            self.camel.get(part).filter(|_| is_code).map_or(part, String::as_str)
        });
        parts.collect::<Vec<_>>().join("`")
    }
}

/// The comment with the status of each gRPC code instead of the code's name.
pub(super) fn with_statuses(comment: &str, statuses: &HashMap<&str, u16>) -> String {
    let is_outside = |letter: char| !letter.is_ascii_uppercase() && letter != '_';
    let words = comment.split_inclusive(is_outside).map(|text| {
        let word = text.trim_end_matches(is_outside);
        statuses
            .get(word)
            .map_or_else(|| text.to_owned(), |status| text.replacen(word, &status.to_string(), 1))
    });
    words.collect()
}

/// Joins the lines of each paragraph.
fn paragraphs(comment: &str) -> String {
    let lines = comment.lines().map(str::trim).collect::<Vec<_>>().join("\n");
    let paragraphs = lines.split("\n\n").map(|paragraph| paragraph.replace('\n', " ").trim().to_owned());
    paragraphs.filter(|paragraph| !paragraph.is_empty()).collect::<Vec<_>>().join("\n\n")
}

/// An element of a proto file that may have a comment.
pub(super) trait Documented {
    /// Its file, and its path in the sense of `SourceCodeInfo`.
    fn location(&self) -> (FileDescriptor, Vec<i32>);
}

macro_rules! documented {
    ($($descriptor:ty),+) => {$(
        impl Documented for $descriptor {
            fn location(&self) -> (FileDescriptor, Vec<i32>) {
                (self.parent_file(), self.path().to_vec())
            }
        }
    )+};
}

documented!(EnumDescriptor, FieldDescriptor, MessageDescriptor, MethodDescriptor, ServiceDescriptor);

#[cfg(test)]
mod tests {
    use super::{paragraphs, with_statuses};

    #[test]
    fn lines_of_a_paragraph_are_joined() {
        let text = paragraphs(" Reads one chat. NOT_FOUND when\n there is none.\n\n More.\n");
        assert_eq!(text, "Reads one chat. NOT_FOUND when there is none.\n\nMore.");
    }

    #[test]
    fn codes_become_statuses() {
        let statuses = [("NOT_FOUND", 404), ("ABORTED", 409)].into();
        let text = with_statuses("NOT_FOUND when missing; `ABORTED`, IT_IS_NOT_FOUND.", &statuses);
        assert_eq!(text, "404 when missing; `409`, IT_IS_NOT_FOUND.");
    }
}
