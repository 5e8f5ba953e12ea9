//! Whatever comes in, something sensible goes out.

use axum::body::Body;
use http::{Method, Request, Uri};
use proptest::prelude::*;
use transcode::{Router, Template};

use super::stub::Protocol;

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

/// Mostly what a caller would send, with something wrong in it.
fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..64),
        r#"[{}\[\]":,0-9a-z\\u ]{0,40}"#.prop_map(String::into_bytes),
        (
            r#""(assigned_to|labels|custom_properties|archived|mutedUntil|x)""#,
            r#"(null|1|-1\.5|"[a-z\\]{0,3}"|\[1\]|\{"a":\[null\]\}|true)"#
        )
            .prop_map(|(name, value)| format!("{{{name}:{value}}}").into_bytes()),
    ]
}

proptest! {
    #[test]
    fn a_template_is_what_it_prints(text in template()) {
        if let Ok(template) = Template::parse(&text) {
            let printed = template.to_string();
            prop_assert_eq!(Template::parse(&printed), Ok(template), "{}", printed);
        }
    }

    #[test]
    fn any_text_is_a_template_or_not(text in "[/a-z{}=*:.%0-9]{0,24}") {
        if let Ok(template) = Template::parse(&text) {
            prop_assert_eq!(Template::parse(&template.to_string()), Ok(template));
        }
    }

    #[test]
    fn a_router_finds_what_a_template_covers(templates in prop::collection::vec(template(), 1..8), path in "[/a-z*:%.]{0,30}") {
        let mut router = Router::default();
        for text in templates {
            if let Ok(template) = Template::parse(&text) {
                let example = text.replace("=a/*}", "}").split('/').map(|part| match part {
                    "**" | "{rest=**}" => "m/n".to_owned(),
                    part if part.starts_with(['*', '{']) => part.split_once(':').map_or("s".into(), |(_, verb)| format!("s:{verb}")),
                    part => part.to_owned(),
                }).collect::<Vec<_>>().join("/");
                // A variable over `a/*` covers two segments, so its example would not match.
                if router.insert(&Method::GET, template, ()).is_ok() && !text.contains("=a/*") {
                    prop_assert!(router.find(&Method::GET, &example).is_some(), "{} {}", text, example);
                }
            }
        }
        if let Some(found) = router.find(&Method::GET, &path) {
            for variable in found.template.variables() {
                found.template.capture(variable, found.path);
            }
        }
    }

    #[test]
    fn no_request_is_a_fault_of_ours(
        method in prop::sample::select(vec!["GET", "PATCH", "DELETE", "HEAD", "OPTIONS", "POST", "BREW"]),
        prefix in prop::sample::select(vec!["/v1/chats/", "/api/v1/sessions/", "/api/v1/sessions/s/chats/", "/"]),
        path in "[!-~]{0,20}",
        query in "(\\?[!-~]{0,20}|\\?(unmute|update_mask|chat\\.labels|sessionId)=[!-~]{0,8}|)",
        strict in any::<bool>(),
        body in body(),
    ) {
        let Ok(uri) = format!("{prefix}{path}{query}").parse::<Uri>() else { return Ok(()) };
        let mut request = Request::builder().method(method).uri(uri).header("content-type", "application/json");
        if strict {
            request = request.header("prefer", "handling=strict");
        }
        let answer = Protocol::new().call(request.body(Body::from(body)).unwrap());
        prop_assert!(answer.status.as_u16() < 500, "{:?}", answer);
        if answer.status.is_client_error() && method != "HEAD" {
            prop_assert!(answer.json().is_object());
        }
    }
}
