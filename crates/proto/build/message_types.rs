//! Writes the message types of notices: the option of `switchboard/v1/options.proto` on the type of an ingested message.

use transcode_build::prost_reflect::DescriptorPool;

/// `NOTICES`, sorted.
pub fn write(pool: &DescriptorPool) -> Option<String> {
    let option = pool.get_extension_by_name("switchboard.v1.message_types")?;
    let message = pool.get_message_by_name("switchboard.v1.IngestEvent.Message")?;
    let types = message.get_field_by_name("type")?.options().get_extension(&option).into_owned();
    let notices = types.as_message()?.get_field_by_name("notices")?.into_owned();
    let mut notices: Vec<&str> = notices.as_list()?.iter().filter_map(|notice| notice.as_str()).collect();
    notices.sort_unstable();
    Some(format!("/// Message types of notices, sorted.\npub static NOTICES: &[&str] = &{notices:?};\n"))
}
