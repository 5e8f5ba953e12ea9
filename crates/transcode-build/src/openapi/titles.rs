//! Titles of operations and services in plain words, from their names.

use heck::ToSnakeCase;
use prost_reflect::{MethodDescriptor, ServiceDescriptor};

const INITIALISMS: [&str; 3] = ["api", "id", "url"];

/// `List chat messages` for `ListChatMessages`.
pub(super) fn of_method(method: &MethodDescriptor) -> String {
    words(method.name())
}

/// The noun that the service is about, in the plural: `API keys` for `ApiKeyService`.
pub(super) fn of_service(service: &ServiceDescriptor) -> String {
    plural(&words(service.name().strip_suffix("Service").unwrap_or(service.name())))
}

fn words(name: &str) -> String {
    let snake = name.to_snake_case();
    let words = snake.split('_').map(|word| match INITIALISMS.contains(&word) {
        true => word.to_uppercase(),
        false => word.to_owned(),
    });
    let title = words.collect::<Vec<_>>().join(" ");
    title.chars().take(1).flat_map(char::to_uppercase).chain(title.chars().skip(1)).collect()
}

fn plural(noun: &str) -> String {
    noun.strip_suffix('y')
        .filter(|stem| !stem.ends_with(['a', 'e', 'o', 'u']))
        .map_or_else(|| format!("{noun}s"), |stem| format!("{stem}ies"))
}

#[cfg(test)]
mod tests {
    use super::{plural, words};

    #[test]
    fn names_become_words() {
        assert_eq!(words("ListChatMessages"), "List chat messages");
        assert_eq!(words("CreateApiKey"), "Create API key");
        assert_eq!(plural(&words("ApiKey")), "API keys");
        assert_eq!(plural("Property"), "Properties");
        assert_eq!(plural("Survey"), "Surveys");
    }
}
