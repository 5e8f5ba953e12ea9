//! An independent library validates the requests that the client makes.

use serde_json::{Value, json};
use switchboard::actions::commands::Change;
use switchboard::connect::gateway::{ChatChange, Content};

use super::sends::{kinds, send, to};
use super::server::{Waha, text};
use super::{ASHA, gateway, incoming};
use crate::clients::must_be_ok;
use crate::support::{clients, python_tool};

#[tokio::test]
async fn waha_py_accepts_every_request() {
    let waha = Waha::start().await;
    let gateway = gateway(&waha);
    waha.state().add(text(&format!("false_{ASHA}_3EB0A"), "hi", 1_760_000_000));
    gateway.set_webhook("https://inbox.acme.example/connect/waha/1").await.expect("set");
    let of_messages = [
        Content::Reaction { message: incoming("3EB0A"), emoji: "👍".to_owned() },
        Content::Edit { message: incoming("3EB0A"), body: "hi all".to_owned() },
    ];
    for content in kinds().into_iter().map(|(content, ..)| content).chain(of_messages) {
        let mut message = to(ASHA, content, &*gateway);
        message.reply_to = Some(incoming("3EB0A"));
        send(&*gateway, &message).await.expect("sent");
    }
    let read = ChatChange { change: Change::Read(None), last_incoming: vec![incoming("3EB0A")] };
    gateway.change(&ASHA.parse().expect("a chat"), &read).await.expect("read");

    let requests = waha.calls("/").into_iter().map(|call| json!({ "path": call.path, "body": call.body }));
    let requests = requests.collect::<Value>().to_string();
    let file = std::env::temp_dir().join(format!("switchboard-waha-{}.json", std::process::id()));
    std::fs::write(&file, requests).expect("a temporary file");
    let mut python = python_tool("python");
    python.arg(clients().join("python/waha_requests.py")).arg(&file);
    let output = tokio::task::spawn_blocking(move || python.output()).await.expect("no panic");
    std::fs::remove_file(&file).expect("the file");
    must_be_ok(&output.expect("python: run make test"));
}
