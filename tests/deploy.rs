//! The container image, the compose file and the Helm chart.

mod access;
mod image;
mod monitoring;
mod pods;
mod rendered;
mod shapes;
mod tls;
mod values;

use crate::support::{ROOT, python_tool};

#[test]
fn dockerfile_and_compose_file_pass_their_linters() {
    let lints: [(&str, &[&str]); 2] = [
        ("hadolint", &["--strict-labels", "Dockerfile"]),
        ("check-jsonschema", &["--builtin-schema", "vendor.compose-spec", "compose.yaml"]),
    ];
    for (program, args) in lints {
        let output = python_tool(program).args(args).current_dir(ROOT).output().expect(program);
        let printed = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&printed));
    }
}

#[test]
fn image_uses_the_pinned_compiler() {
    let channel = include_str!("../rust-toolchain.toml").split("channel = \"").nth(1).expect("a channel");
    let version = channel.split('"').next().expect("a version");
    assert!(include_str!("../Dockerfile").contains(&format!("\nFROM rust:{version}-slim-")), "{version}");
    let least = env!("CARGO_PKG_RUST_VERSION");
    assert!(version.strip_prefix(least).is_some_and(|patch| patch.starts_with('.')), "{version}, {least}");
}

#[test]
fn image_has_one_executable_and_an_unprivileged_user() {
    let dockerfile = include_str!("../Dockerfile");
    let image = &dockerfile[dockerfile.rfind("\nFROM ").expect("stages")..];
    assert!(image.starts_with("\nFROM scratch\n"), "{image}");
    let lines = |word: &str| image.lines().filter(|line| line.starts_with(word)).collect::<Vec<_>>();
    assert_eq!(lines("COPY"), ["COPY --from=build /image /"]);
    assert_eq!(lines("USER"), [format!("USER {0}:{0}", image::USER)]);
    assert_eq!(lines("RUN"), [""; 0]);
}
