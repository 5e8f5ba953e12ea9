//! A world with a media store, and a fetcher for its first session.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use switchboard::config::{Config, EffectiveSettings, Secret};
use switchboard::connect::gateway::MediaSource;
use switchboard::connect::media::{self, Fetcher, MediaStore};
use switchboard::store::{PoolOptions, Store};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::gateway::{FileGateway, Reply};
use crate::support::{Chat, World, in_time, until, until_within};

/// When the messages were sent, in Unix milliseconds.
const AT: i64 = 1_790_000_000_000;

/// A running service with media files.
pub struct Files {
    pub world: World,
    pub store: Store,
    pub media: MediaStore,
    pub gateway: Arc<FileGateway>,
    pub directory: PathBuf,
    wake: Arc<Notify>,
    _fetching: DropGuard,
}

impl Files {
    /// A service whose `serve` has these flags, without their dashes, and a fetcher of the first session.
    pub async fn start(flags: &[(&'static str, &str)]) -> Self {
        let directory = std::env::temp_dir().join(format!("sb-media-{}", uuid::Uuid::now_v7().simple()));
        let mut flags: BTreeMap<&str, String> =
            flags.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        flags.entry("media-dir").or_insert_with(|| directory.display().to_string());
        let args: Vec<String> = flags.iter().map(|(name, value)| format!("--{name}={value}")).collect();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let world = World::start_with("127.0.0.1:0", &args).await;
        let config = config(&flags);
        let store = Store::new(Secret::new(world.database.url.clone()), PoolOptions::background(2));
        let media = MediaStore::new(&store, &config);
        let (gateway, wake, closing) =
            (Arc::new(FileGateway::default()), Arc::new(Notify::new()), CancellationToken::new());
        let fetcher = Fetcher::new(&store, media.clone());
        let (org, session) = (world.org.id.parse().unwrap(), world.org.sessions[0].parse().unwrap());
        tokio::spawn(fetcher.serve(
            (org, session),
            (gateway.clone(), String::new()),
            wake.clone(),
            closing.clone(),
        ));
        Self { world, store, media, gateway, directory, wake, _fetching: closing.drop_guard() }
    }

    /// Stores a message with a file that is to be fetched.
    pub async fn message(&self, chat: &Chat, id: &str, source: Value) {
        let media = json!({"mimetype": source["mimetype"], "filename": source["filename"]});
        let message = json!({"session": self.world.org.numbers[0], "message": {"id": id, "chat": chat.jid,
            "fromMe": false, "type": "image", "timestamp": AT, "hasMedia": true, "media": media}});
        self.world.import(&self.world.org, &[message]);
        self.enqueue(chat, id, source).await;
    }

    /// Lets the file of a message be fetched.
    pub async fn enqueue(&self, chat: &Chat, id: &str, source: Value) {
        let text = |name: &str| source[name].as_str().map(ToOwned::to_owned);
        let source = MediaSource {
            chat: chat.jid.clone(),
            message_id: id.to_owned(),
            from_me: false,
            author: None,
            locator: source.get("locator").cloned().unwrap_or_else(|| json!({"id": id})),
            mime_type: text("mimetype"),
            file_name: text("filename"),
            size: source["size"].as_u64(),
            sha256: text("sha256"),
            stored: None,
        };
        let (org, session) =
            (self.world.org.id.parse().unwrap(), self.world.org.sessions[0].parse().unwrap());
        media::enqueue(&self.store, org, session, vec![source]).await.expect("stored");
        self.wake.notify_one();
    }

    /// Stores a message with a file of the gateway, and waits until it is fetched. Returns the message's media.
    pub async fn fetched(&self, chat: &Chat, id: &str, source: Value, reply: Reply) -> Value {
        self.gateway.reply(id, reply);
        self.message(chat, id, source).await;
        self.settled(chat, id).await
    }

    /// The media of a message in the chat API.
    pub async fn media_of(&self, chat: &Chat, id: &str) -> Value {
        let path = format!("{}/messages?limit=100", chat.path);
        let messages = self.world.rest().get(path).await.expect(200).json();
        let messages = messages["messages"].as_array().expect("messages").clone();
        let message = messages.into_iter().find(|message| message["unique_id"] == id);
        message.map_or(Value::Null, |message| message["media"].clone())
    }

    /// The media of a message when it is pending no more.
    pub async fn settled(&self, chat: &Chat, id: &str) -> Value {
        let is_settled = async || self.media_of(chat, id).await["state"] != "pending";
        until_within(Duration::from_secs(300), &format!("the file of {id}"), is_settled).await;
        self.media_of(chat, id).await
    }

    /// The media of a message when a later attempt has fetched it.
    pub async fn settled_after_retry(&self, chat: &Chat, id: &str) -> Value {
        tokio::time::sleep(Duration::from_secs(6)).await;
        self.wake.notify_one();
        self.settled(chat, id).await
    }

    /// Reads all bytes of a path, without keeping them.
    pub async fn read_slowly(&self, path: &str) {
        let mut stream = TcpStream::connect(self.world.address()).await.expect("the server");
        let (key, mut read) = (&self.world.org.key, 0);
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\nauthorization: Bearer {key}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.expect("the server");
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match in_time("a part of the file", stream.read(&mut buffer)).await.expect("the server") {
                0 => break,
                bytes => read += bytes,
            }
        }
        assert!(read > 100 * 1024 * 1024, "{read}");
    }

    /// The objects of the organization in the media store.
    pub fn objects(&self) -> Vec<String> {
        let directory = std::fs::read_dir(self.directory.join(&self.world.org.id));
        let names = directory.into_iter().flatten().flatten();
        names.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }

    /// Waits until the media store has that many objects of the organization.
    pub async fn until_objects(&self, count: usize) {
        until(&format!("{count} objects"), async || {
            self.media.delete_unused().await.expect("the store");
            self.objects().len() == count
        })
        .await;
    }
}

/// The settings with these flags.
pub fn config(flags: &BTreeMap<&str, String>) -> Config {
    EffectiveSettings::find(flags, std::iter::empty()).config().expect("valid settings")
}

impl Drop for Files {
    fn drop(&mut self) {
        // What remains is in the directory of temporary files.
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}
