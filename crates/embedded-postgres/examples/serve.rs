//! Runs a server in a directory until Control-C.

use std::error::Error;
use std::path::PathBuf;

use embedded_postgres::{Embedded, SupervisedBy};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let data_dir = std::env::args_os().nth(1).map(PathBuf::from).ok_or("usage: serve DIRECTORY")?;
    let server = Embedded::start(&data_dir, "example", SupervisedBy::ThisProcess).await?;
    println!("psql '{}'", server.url());
    tokio::signal::ctrl_c().await?;
    server.release().await;
    Ok(())
}
