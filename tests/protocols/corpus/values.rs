//! Invalid bodies, values and ids.

use prost_reflect::{FieldDescriptor, Kind};

use crate::protocols::samples::{is_output_only, pool};
use crate::support::{Binding, Method};

/// The fields of a route's JSON body.
pub fn body_fields(method: &Method, binding: &Binding) -> Vec<FieldDescriptor> {
    let in_patch_body = |field: &FieldDescriptor| json_option(field, "in_patch_body");
    let in_path = |field: &FieldDescriptor| binding.template.contains(&format!("{{{}", field.name()));
    let top: Vec<_> = method.input.fields().filter(|field| !in_path(field)).collect();
    let fields = match binding.body.as_str() {
        "*" => top,
        body => {
            let resource = method.input.get_field_by_name(body).map(|field| field.kind());
            let resource = resource.as_ref().and_then(Kind::as_message).expect("a message in the body");
            resource.fields().chain(top.into_iter().filter(in_patch_body)).collect()
        }
    };
    fields.into_iter().filter(|field| !is_output_only(field)).collect()
}

/// Whether that flag of `(json)` is set on the field.
fn json_option(field: &FieldDescriptor, name: &str) -> bool {
    let json = pool().get_extension_by_name("transcode.v1.json").expect("the option");
    let options = field.options();
    let options = options.get_extension(&json);
    let options = options.as_message().expect("a message");
    options.get_field_by_name(name).is_some_and(|value| value.as_bool() == Some(true))
}

/// JSON that is invalid for the type of the field.
pub fn wrong_values(field: &FieldDescriptor) -> Vec<&'static str> {
    if field.is_map() {
        return vec!["1", "\"x\"", "true", "[]", "[1]"];
    }
    if field.is_list() || json_option(field, "text_or_list") {
        return vec!["1", "true", "{}", "[1]", "[null]", "[[]]", "[{}]", "[\"a\", 1]"];
    }
    let kind = field.kind();
    if kind.as_message().is_some_and(|message| message.full_name() == "google.protobuf.Struct") {
        return vec!["1", "\"x\"", "true", "[]", "[1]"];
    }
    if kind == Kind::Bool {
        return vec!["\"yes\"", "1", "0", "[]", "{}", "1e999", "\"\""];
    }
    if kind == Kind::String {
        return vec!["1", "true", "[]", "{}", "[\"a\"]", "1.5"];
    }
    if [Kind::Int32, Kind::Int64, Kind::Uint32, Kind::Uint64].contains(&kind) {
        let beyond = "99999999999999999999999";
        return vec!["\"x\"", "1.5", "true", "[]", "{}", "1e400", beyond, "\"\"", "\"1.5\"", "\" 1\""];
    }
    Vec::new()
}

/// Bodies that are not JSON objects.
pub fn no_objects() -> Vec<Vec<u8>> {
    let mut bodies: Vec<Vec<u8>> = [
        "{",
        "}",
        "nonsense",
        "[]",
        "[{}]",
        "\"text\"",
        "1",
        "true",
        "NaN",
        "{} {}",
        "{}x",
        "{'a': 1}",
        "{\"a\": 1,}",
        "{\"a\"}",
        "{a: 1}",
        "\u{feff}[]",
        "{\"a\": 01}",
        "{\"a\": \"\\x\"}",
        "{\"labels\": \"\\ud800\"}",
        "{\"labels\": \"\\udc00\\ud800\", \"pinned\": \"\\ud800\"}",
        "{\"a\": \"tab\tin text\"}",
        "/* */ {}",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into();
    bodies.push(b"{\"labels\": \"\xff\xfe\"}".to_vec());
    bodies.push(b"{\"\xff\": 1}".to_vec());
    bodies.push(b"\0".to_vec());
    bodies.push("[".repeat(100_000).into_bytes());
    bodies.push("{\"a\":".repeat(100_000).into_bytes());
    bodies.push(format!("{{\"a\": {}1{}}}", "[".repeat(5_000), "]".repeat(5_000)).into_bytes());
    bodies.push(vec![b' '; 10 << 20]);
    bodies
}

/// Path segments that are neither a chat nor a session, as bytes.
pub fn bad_ids() -> Vec<Vec<u8>> {
    let mut ids: Vec<Vec<u8>> = [
        "%",
        "%4",
        "%zz",
        "%ff",
        "%ff%fe%40c.us",
        "%00",
        "1%00@c.us",
        "%2F",
        "..",
        "%2e%2e",
        "+15550100400",
        "-1",
        "0x1",
        "15550100400@c.us%20",
        "%2015550100400@c.us",
        "15550100400@",
        "@c.us",
        "15550100400@c.us@c.us",
        "15550100400@example",
        "15550100400:@s.whatsapp.net",
        "15550100400:x@s.whatsapp.net",
        "x@g.us",
        "%F0%9F%98%80",
        "%D9%A1%D9%A2%D9%A3%D9%A4%D9%A5",
        "1e9",
        "'",
        "%22",
        "';DROP",
        "{}",
        "null",
        "undefined",
        "01J9ZX8K2QHV0M3T6R7P4N5W8",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into();
    ids.push(vec![b'1'; 10_000]);
    ids.push("1".repeat(40).into_bytes());
    ids.push(b"\xff".to_vec());
    ids.push("\u{e9}".as_bytes().to_vec());
    ids
}
