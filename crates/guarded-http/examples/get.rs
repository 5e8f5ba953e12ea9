//! Requests a URL, if it leads to a public address.

use std::error::Error;
use std::time::Duration;

use guarded_http::{Destinations, HttpClient, Trust};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1).ok_or("usage: get URL")?;
    let client = HttpClient::new("example", Destinations::Public, Duration::from_secs(10), Trust::System)?;
    let (status, body) = client.get(&url, 1 << 20).await?;
    println!("{status}, {} bytes", body.len());
    Ok(())
}
