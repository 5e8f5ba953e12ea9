//! Writes the table of RPCs with the capability that each of them needs: `(switchboard.v1.capability)`.

use std::fmt::Write as _;

use heck::ToUpperCamelCase;
use transcode_build::{Error, Method, Model};

/// `METHODS`, sorted as in the protos.
pub fn write(model: &Model) -> Result<String, Error> {
    let mut out = String::from("/// Every RPC.\npub static METHODS: &[Method] = &[\n");
    for method in model.services().iter().flat_map(|service| &service.methods) {
        let capability = capability(method)
            .ok_or_else(|| Error::method(&method.descriptor, "(switchboard.v1.capability) must be set"))?;
        let _ = writeln!(
            out,
            "    Method {{ path: {:?}, capability: Capability::{}, is_stream: {} }},",
            method.path(),
            capability.to_upper_camel_case(),
            method.descriptor.is_server_streaming()
        );
    }
    out.push_str("];\n");
    Ok(out)
}

/// The capability that a method needs, such as `READ`.
pub fn capability(method: &Method) -> Option<String> {
    let pool = method.descriptor.parent_pool();
    let extension = pool.get_extension_by_name("switchboard.v1.capability")?;
    let number = method.descriptor.options().get_extension(&extension).as_enum_number()?;
    let value = extension.kind().as_enum()?.get_value(number).filter(|_| number != 0)?;
    value.name().strip_prefix("CAPABILITY_").map(str::to_owned)
}
