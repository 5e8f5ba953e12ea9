//! Reads the model off the descriptors: what each file declares with our options and those of `google.api.http`.

use std::ops::Range;

use prost_reflect::{
    DescriptorPool, DynamicMessage, ExtensionDescriptor, MethodDescriptor, ReflectMessage, ServiceDescriptor,
    Value,
};

use super::model::{
    Binding, Dialect, Method, Names, Problem, Service, problem, service_problem, status_constant,
};
use transcode_template::Template;

/// Where our own options are declared.
const OPTIONS_PACKAGE: &str = "transcode.v1";

/// Reads every service that declares something of ours or of REST. Services without methods of that kind are read too.
pub fn services(pool: &DescriptorPool) -> Result<Vec<Service>, Problem> {
    let options = Options::find(pool);
    pool.services().map(|service| options.service(service)).collect()
}

/// The option extensions, where the files declare them.
struct Options {
    dialect: Option<ExtensionDescriptor>,
    capability: Option<ExtensionDescriptor>,
    success_status: Option<ExtensionDescriptor>,
    resume_field: Option<ExtensionDescriptor>,
    http: Option<ExtensionDescriptor>,
}

impl Options {
    fn find(pool: &DescriptorPool) -> Self {
        let ours = |name: &str| pool.get_extension_by_name(&format!("{OPTIONS_PACKAGE}.{name}"));
        Self {
            dialect: ours("dialect"),
            capability: pool.get_extension_by_name("switchboard.v1.capability"),
            success_status: ours("success_status"),
            resume_field: ours("resume_field"),
            http: pool.get_extension_by_name("google.api.http"),
        }
    }

    fn service(&self, descriptor: ServiceDescriptor) -> Result<Service, Problem> {
        let methods: Vec<Method> =
            descriptor.methods().map(|method| self.method(method)).collect::<Result<_, _>>()?;
        let has_routes = methods.iter().any(|method| !method.bindings.is_empty());
        let dialect = match get(&descriptor.options(), self.dialect.as_ref()) {
            Some(Value::Message(dialect)) => Some(read_dialect(&descriptor, &dialect)?),
            _ if has_routes => {
                return Err(service_problem(&descriptor, "REST routes without (dialect)"));
            }
            _ => None,
        };
        Ok(Service { descriptor, dialect, methods })
    }

    fn method(&self, descriptor: MethodDescriptor) -> Result<Method, Problem> {
        let options = descriptor.options();
        let capability = match get(&options, self.capability.as_ref()).zip(self.capability.as_ref()) {
            Some((Value::EnumNumber(number), extension)) if number != 0 => {
                enum_name(&extension.kind(), number)
            }
            _ => None,
        };
        let Some(capability) = capability else {
            return Err(problem(&descriptor, "no (capability)"));
        };
        let success_status = match get(&options, self.success_status.as_ref()) {
            Some(Value::I32(status)) => {
                let reason = || format!("(success_status) is {status}, which is no success or not known");
                let known = known_status(status, 200..300);
                Some(known.ok_or_else(|| problem(&descriptor, reason()))?)
            }
            _ => None,
        };
        let resume_field = get(&options, self.resume_field.as_ref());
        let resume_field = resume_field.and_then(|field| field.as_str().map(str::to_owned));
        let mut bindings = Vec::new();
        if let Some(Value::Message(rule)) = get(&options, self.http.as_ref()) {
            bindings.extend(read_binding(&descriptor, &rule)?);
            for additional in messages(&rule, "additional_bindings") {
                if !messages(&additional, "additional_bindings").is_empty() {
                    return Err(problem(&descriptor, "additional_bindings inside additional_bindings"));
                }
                bindings.extend(read_binding(&descriptor, &additional)?);
            }
        }
        Ok(Method { descriptor, capability, success_status, resume_field, bindings })
    }
}

fn get(options: &DynamicMessage, extension: Option<&ExtensionDescriptor>) -> Option<Value> {
    let extension = extension?;
    options.has_extension(extension).then(|| options.get_extension(extension).into_owned())
}

fn enum_name(kind: &prost_reflect::Kind, number: i32) -> Option<String> {
    Some(kind.as_enum()?.get_value(number)?.name().to_owned())
}

fn text(message: &DynamicMessage, field: &str) -> String {
    let value = message.get_field_by_name(field);
    value.and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn messages(message: &DynamicMessage, field: &str) -> Vec<DynamicMessage> {
    let value = message.get_field_by_name(field);
    let list = value.as_ref().and_then(|value| value.as_list()).unwrap_or_default();
    list.iter().filter_map(|item| item.as_message().cloned()).collect()
}

fn enum_text(message: &DynamicMessage, field: &str) -> String {
    let descriptor = message.descriptor();
    let field = descriptor.get_field_by_name(field);
    let name = field.and_then(|field| enum_name(&field.kind(), message.get_field(&field).as_enum_number()?));
    name.unwrap_or_default()
}

fn read_dialect(service: &ServiceDescriptor, dialect: &DynamicMessage) -> Result<Dialect, Problem> {
    let names = match enum_text(dialect, "names").as_str() {
        "FIELD_NAMES_PROTO" => Names::Proto,
        "FIELD_NAMES_LOWER_CAMEL" => Names::LowerCamel,
        _ => return Err(service_problem(service, "(dialect) does not say its names")),
    };
    let (errors, patch_null) = (enum_text(dialect, "errors"), enum_text(dialect, "patch_null"));
    let (Some(errors), Some(patch_null)) =
        (errors.strip_prefix("ERROR_ENVELOPE_"), patch_null.strip_prefix("PATCH_NULL_"))
    else {
        return Err(service_problem(service, "(dialect) does not say its errors or patch_null"));
    };
    if errors == "UNSPECIFIED" || patch_null == "UNSPECIFIED" {
        return Err(service_problem(service, "(dialect) does not say its errors or patch_null"));
    }
    let prefix = text(dialect, "prefix");
    if !prefix.starts_with('/') {
        return Err(service_problem(service, "(dialect) has a prefix that does not begin with `/`"));
    }
    let mut status_overrides = Vec::new();
    for status_override in messages(dialect, "status_overrides") {
        let declared = status_override.get_field_by_name("status").and_then(|status| status.as_i32());
        let declared = declared.unwrap_or_default();
        let reason =
            format!("(dialect) overrides a status with {declared}, which is no failure or not known");
        let status = known_status(declared, 400..600).ok_or_else(|| service_problem(service, reason))?;
        status_overrides.push((text(&status_override, "code"), status));
    }
    let empty_string_body = dialect.get_field_by_name("empty_string_body").and_then(|value| value.as_bool());
    Ok(Dialect {
        prefix,
        names,
        errors: errors.to_owned(),
        patch_null: patch_null.to_owned(),
        empty_string_body: empty_string_body.unwrap_or_default(),
        status_overrides,
        headers: messages(dialect, "headers").iter().map(|header| text(header, "name")).collect(),
    })
}

/// The status, if it is in that range and has a constant.
fn known_status(status: i32, range: Range<u16>) -> Option<u16> {
    u16::try_from(status).ok().filter(|status| range.contains(status) && status_constant(*status).is_some())
}

/// A rule without a pattern is no binding.
fn read_binding(method: &MethodDescriptor, rule: &DynamicMessage) -> Result<Option<Binding>, Problem> {
    let simple =
        ["get", "put", "post", "delete", "patch"].into_iter().find(|name| rule.has_field_by_name(name));
    let (http_method, template) = match (simple, rule.get_field_by_name("custom")) {
        (Some(name), _) => (name.to_uppercase(), text(rule, name)),
        (None, Some(custom)) if rule.has_field_by_name("custom") => match custom.as_message() {
            Some(custom) => (text(custom, "kind"), text(custom, "path")),
            None => return Ok(None),
        },
        (None, _) => return Ok(None),
    };
    if http_method.is_empty() || !http_method.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-') {
        return Err(problem(method, format!("`{http_method}` is not an HTTP method")));
    }
    let template =
        Template::parse(&template).map_err(|error| problem(method, format!("{template}: {error}")))?;
    Ok(Some(Binding {
        http_method,
        template,
        body: text(rule, "body"),
        response_body: text(rule, "response_body"),
    }))
}
