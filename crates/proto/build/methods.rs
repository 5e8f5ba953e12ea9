//! Writes the table of RPCs with what a caller needs for each: the method options of `switchboard/v1/options.proto`.

use std::fmt::Write as _;

use heck::ToUpperCamelCase;
use transcode_build::prost_reflect::ExtensionDescriptor;
use transcode_build::{Error, Method, Model};

/// `METHODS`, sorted as in the protos.
pub fn write(model: &Model) -> Result<String, Error> {
    let mut out = String::from("/// Every RPC.\npub static METHODS: &[Method] = &[\n");
    for method in model.services().iter().flat_map(|service| &service.methods) {
        let capabilities = capabilities(method);
        if capabilities.is_empty() {
            return Err(Error::method(&method.descriptor, "(switchboard.v1.capability) must be set"));
        }
        let capabilities: Vec<_> =
            capabilities.iter().map(|name| format!("Capability::{}", name.to_upper_camel_case())).collect();
        let all_sessions = extension(method, "all_sessions");
        let all_sessions =
            all_sessions.and_then(|option| method.descriptor.options().get_extension(&option).as_bool());
        let _ = writeln!(
            out,
            "    Method {{ path: {:?}, capabilities: &[{}], all_sessions: {}, is_stream: {}, reads_stream: {} }},",
            method.path(),
            capabilities.join(", "),
            all_sessions.unwrap_or_default(),
            method.descriptor.is_server_streaming(),
            method.descriptor.is_client_streaming()
        );
    }
    out.push_str("];\n");
    Ok(out)
}

/// The capabilities that a method needs, such as `READ`.
pub fn capabilities(method: &Method) -> Vec<String> {
    ["capability", "also_needs"].into_iter().filter_map(|option| capability(method, option)).collect()
}

fn capability(method: &Method, option: &str) -> Option<String> {
    let extension = extension(method, option)?;
    let number = method.descriptor.options().get_extension(&extension).as_enum_number()?;
    let value = extension.kind().as_enum()?.get_value(number).filter(|_| number != 0)?;
    value.name().strip_prefix("CAPABILITY_").map(str::to_owned)
}

fn extension(method: &Method, option: &str) -> Option<ExtensionDescriptor> {
    method.descriptor.parent_pool().get_extension_by_name(&format!("switchboard.v1.{option}"))
}
