//! All RPCs and REST routes, read from the embedded descriptors, so that tests cover new ones.

use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, MethodDescriptor, Value};

/// One RPC.
#[derive(Clone)]
pub struct Method {
    /// `/switchboard.v1.ChatService/GetChat`
    pub path: String,
    /// The required capability: `read`, `send`, `ingest` or `manage`.
    pub capability: String,
    /// The request.
    pub input: MessageDescriptor,
    /// The response.
    pub output: MessageDescriptor,
    streaming: bool,
    /// Whether the request is a stream.
    pub reads_stream: bool,
    /// The error envelope of the service's REST API: `FLAT` or `NESTED`.
    pub envelope: String,
    /// The REST routes.
    pub bindings: Vec<Binding>,
}

impl Method {
    /// Whether the request or the response is a stream.
    pub fn streams(&self) -> bool {
        self.streaming
    }
}

/// One REST route.
#[derive(Clone, Debug)]
pub struct Binding {
    /// `GET`, `PATCH`, …
    pub method: String,
    /// `/v1/chats/{chat_id}`
    pub template: String,
    /// The request field of the body, `*`, or empty.
    pub body: String,
}

/// All RPCs of all services.
pub fn methods() -> Vec<Method> {
    let pool = DescriptorPool::decode(switchboard::pb::DESCRIPTORS).expect("descriptors");
    let services = pool.services().filter(|service| service.package_name() == "switchboard.v1");
    services
        .flat_map(|service| service.methods().collect::<Vec<_>>())
        .map(|method| read(&pool, &method))
        .collect()
}

fn read(pool: &DescriptorPool, method: &MethodDescriptor) -> Method {
    let extension = |name: &str| pool.get_extension_by_name(name).expect("the option");
    let options = method.options();
    let capability = options.get_extension(&extension("switchboard.v1.capability"));
    let service = method.parent_service().options();
    let dialect = service.get_extension(&extension("transcode.v1.dialect"));
    let dialect = dialect.as_message().expect("a message");
    let mut bindings = Vec::new();
    let http = extension("google.api.http");
    if options.has_extension(&http) {
        let rule = options.get_extension(&http);
        let rule = rule.as_message().expect("a message");
        bindings.push(binding(rule));
        let more = rule.get_field_by_name("additional_bindings").expect("the field").into_owned();
        let more = more.as_list().map(<[Value]>::to_vec).unwrap_or_default();
        bindings.extend(more.iter().filter_map(Value::as_message).map(binding));
    }
    Method {
        path: format!("/{}/{}", method.parent_service().full_name(), method.name()),
        capability: enum_word(pool, "switchboard.v1.Capability", &capability, "CAPABILITY_").to_lowercase(),
        input: method.input(),
        output: method.output(),
        reads_stream: method.is_client_streaming(),
        streaming: method.is_client_streaming() || method.is_server_streaming(),
        envelope: enum_word(
            pool,
            "transcode.v1.ErrorEnvelope",
            &dialect.get_field_by_name("errors").expect("the field"),
            "ERROR_ENVELOPE_",
        ),
        bindings,
    }
}

fn binding(rule: &DynamicMessage) -> Binding {
    let text = |name: &str| {
        let value = rule.get_field_by_name(name).expect("a field of HttpRule");
        value.as_str().unwrap_or_default().to_owned()
    };
    let verbs = ["get", "put", "post", "delete", "patch"];
    let verb = verbs.into_iter().find(|verb| rule.has_field_by_name(verb)).expect("a usual HTTP method");
    Binding { method: verb.to_uppercase(), template: text(verb), body: text("body") }
}

fn enum_word(pool: &DescriptorPool, name: &str, value: &Value, prefix: &str) -> String {
    let words = pool.get_enum_by_name(name).expect("the enum");
    let word = words.get_value(value.as_enum_number().expect("an enum")).expect("a known value");
    word.name().trim_start_matches(prefix).to_owned()
}
