//! What is written for spreadsheets, and beside what is published.

use std::fmt::Write as _;

use crate::support::TestServer;

#[test]
fn field_r18_csv_can_be_made_safe_for_spreadsheets() {
    let server = TestServer::start();
    server.redis(&["XADD", "s", "1-0", "=f", "=1+1", "n", "-5"]);
    server.redis(&["XGROUP", "CREATE", "s", "=1+1", "0"]);
    server
        .ucp(&[
            "lag",
            "=1+1",
            "--stream",
            "s",
            "-o",
            "csv",
            "--csv-safe",
            "--columns",
            "group",
        ])
        .stdout_has("'=1+1");
    server
        .ucp(&["read", "s", "-o", "csv", "--csv-safe", "--columns", "=f,n"])
        .assert_code(0)
        .stdout_is("'=f,n\r\n'=1+1,-5\r\n");
    server
        .ucp(&["read", "s", "-o", "csv", "--columns", "=f,n"])
        .assert_code(0)
        .stdout_is("=f,n\r\n=1+1,-5\r\n");
    server
        .ucp(&["read", "s", "-o", "ndjson", "--csv-safe"])
        .assert_code(2)
        .stderr_has("use -o csv");
}

#[test]
fn field_r18_a_full_disk_for_rejects_is_found_before_anything_is_sent() {
    let server = TestServer::start();
    let mut lines = String::new();
    for number in 0..2000 {
        let reject = "x".repeat(100);
        let _ = writeln!(lines, "{{\"a\":\"{number}\"}}\nnot JSON {reject}");
    }
    let script = "set -e; mkdir small; mount -t tmpfs -o size=16k none small; cat >in; \
        $UCP publish s --file in --skip-invalid --rejects small/bad";
    let home = crate::support::directory();
    let shell = |words: &[&str]| {
        let mut command = std::process::Command::new(words[0]);
        command
            .args(&words[1..])
            .env("UCP", env!("CARGO_BIN_EXE_ucp-streams"))
            .env("UCP_STREAMS_URL", server.url())
            .current_dir(home.path());
        command
    };
    let private = ["unshare", "--user", "--map-root-user", "--mount"];
    let can = shell(&[&private[..], &["mount", "-t", "tmpfs", "none", "/mnt"]].concat()).output();
    if !can.is_ok_and(|it| it.status.success()) {
        println!("not tried: no small file system can be mounted here");
        return;
    }
    std::fs::write(home.path().join("lines"), &lines).unwrap();
    let output = shell(&[&private[..], &["bash", "-c", script]].concat())
        .stdin(std::fs::File::open(home.path().join("lines")).unwrap())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(74), "{said}");
    assert!(said.contains("nothing was sent"), "{said}");
    assert_eq!(server.redis(&["EXISTS", "s"]).int(), 0);
    // Where there is room, all of it is sent and set aside.
    let enough = script.replace("size=16k", "size=4m");
    let output = shell(
        &[
            &private[..],
            &["bash", "-c", &enough.replace("mkdir", "mkdir -p")],
        ]
        .concat(),
    )
    .stdin(std::fs::File::open(home.path().join("lines")).unwrap())
    .output()
    .unwrap();
    assert_eq!(
        output.status.code(),
        Some(7),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(server.redis(&["XLEN", "s"]).int(), 2000);
}
