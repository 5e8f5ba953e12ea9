//! Properties of templates, of the router, and of JSON strings.

use std::collections::BTreeMap;

use http::Method;
use proptest::prelude::*;
use transcode::json::ToJson;
use transcode::{Router, Template};

fn segment() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[a-z0-9._~@-]{1,6}",
        1 => Just("*".to_owned()),
        1 => "[a-z]{1,3}".prop_map(|name| format!("{{{name}}}")),
        1 => "[a-z]{1,3}".prop_map(|name| format!("{{{name}=a/*}}")),
    ]
}

fn template() -> impl Strategy<Value = String> {
    let tail = prop_oneof![
        Just(""),
        Just("/**"),
        Just("/{rest=**}"),
        Just("/**/end"),
        Just(":verb"),
        Just("/x:a:b")
    ];
    (prop::collection::vec(segment(), 1..5), tail)
        .prop_map(|(segments, tail)| format!("/{}{tail}", segments.join("/")))
}

/// A path that a template matches.
fn example(template: &str) -> String {
    let segments = template.replace("=a/*}", "}");
    let segments = segments.split('/').map(|part| match part {
        "**" | "{rest=**}" => "m/n".to_owned(),
        part if part.starts_with(['*', '{']) => {
            part.split_once(':').map_or("s".into(), |(_, verb)| format!("s:{verb}"))
        }
        part => part.to_owned(),
    });
    segments.collect::<Vec<_>>().join("/")
}

#[test]
fn map_keys_are_written_as_strings() {
    let written = |value: &dyn Fn(&mut Vec<u8>)| {
        let mut out = Vec::new();
        value(&mut out);
        String::from_utf8(out).unwrap()
    };
    assert_eq!(written(&|out| BTreeMap::from([(-1_i64, true)]).write(out)), r#"{"-1":true}"#);
    assert_eq!(written(&|out| BTreeMap::from([(true, 1_u32)]).write(out)), r#"{"true":1}"#);
    assert_eq!(written(&|out| BTreeMap::from([("a\"".to_owned(), ())]).write(out)), r#"{"a\"":{}}"#);
}

proptest! {
    #[test]
    fn strings_are_escaped_as_by_serde_json(text in any::<String>()) {
        let mut written = Vec::new();
        text.write(&mut written);
        prop_assert_eq!(written, serde_json::to_vec(&text)?);
    }

    #[test]
    fn printed_template_is_parsed_as_the_same(text in template()) {
        if let Ok(template) = Template::parse(&text) {
            let printed = template.to_string();
            prop_assert_eq!(Template::parse(&printed), Ok(template), "{}", printed);
        }
    }

    #[test]
    fn parsing_any_text_does_not_panic(text in "[/a-z{}=*:.%0-9]{0,24}") {
        if let Ok(template) = Template::parse(&text) {
            prop_assert_eq!(Template::parse(&template.to_string()), Ok(template));
        }
    }

    #[test]
    fn router_finds_the_paths_of_its_templates(
        templates in prop::collection::vec(template(), 1..8),
        path in "[/a-z*:%.]{0,30}",
    ) {
        let mut router = Router::default();
        for text in templates {
            let Ok(template) = Template::parse(&text) else { continue };
            // `example` does not cover the two segments of a variable over `a/*`.
            if router.insert(&Method::GET, template, ()).is_ok() && !text.contains("=a/*") {
                let path = example(&text);
                prop_assert!(router.find(&Method::GET, &path).is_some(), "{} {}", text, path);
            }
        }
        if let Some(found) = router.find(&Method::GET, &path) {
            for variable in found.template.variables() {
                found.template.capture(variable, found.path);
            }
        }
    }
}
