//! Builds the crate anew when a migration is added: Cargo does not see new files in a folder that a macro embeds.

fn main() {
    println!("cargo:rerun-if-changed=../../migrations");
}
