//! What comes into `--file`: endless inputs, delimiters, compressed files.

use crate::support::{PATIENCE, TestServer, directory, until};

#[test]
fn field_e8_a_line_is_judged_as_it_comes() {
    let server = TestServer::start();
    let event = r#"{"brand_id":"b","event_type":"page_view","payload":{}}"#;
    for (args, input, code) in [
        (&["publish", "s", "--file", "-"][..], "y\n".to_owned(), 2),
        (
            &["publish", "s", "--file", "-", "--format", "json"],
            "[{\"a\":1},\n7,\n".to_owned(),
            2,
        ),
        (
            &["publish", "s", "--file", "-", "--format", "csv"],
            "a,b\n1,2\n1,2,3\n".to_owned(),
            2,
        ),
        (
            &["publish", "s", "--file", "-", "--dry-run"],
            "{\"a\":1}\n7\n".to_owned(),
            2,
        ),
        (
            &["publish", "s", "--file", "-", "--stream"],
            "{\"a\":1}\n7\n".to_owned(),
            7,
        ),
        (&["ingest", "--file", "-"], format!("{event}\n7\n"), 2),
    ] {
        let tmp = directory();
        let mut publisher = server
            .command(args)
            .env("TMPDIR", tmp.path())
            .open_stdin()
            .spawn();
        // Standard input stays open: nothing more comes, and nobody waits for it.
        publisher.write(input);
        until(PATIENCE, "it ends", || publisher.ended().is_some());
        let run = publisher.wait();
        run.assert_code(code).stderr_has("not valid");
    }
    assert_eq!(server.redis(&["XLEN", "s"]).int(), 1, "of --stream");
}

#[test]
fn field_e8_all_of_it_is_read_where_what_is_not_valid_is_left_out() {
    let server = TestServer::start();
    let input = "7\n".repeat(100_000) + "{\"a\":1}\n8\n";
    let args = [
        "publish",
        "s",
        "--file",
        "-",
        "--skip-invalid",
        "--rejects",
        "bad",
    ];
    let home = directory();
    let run = server.command(&args).in_dir(home.path()).stdin(input).run();
    run.assert_code(7).stderr_has("100001 lines");
    assert_eq!(server.redis(&["XLEN", "s"]).int(), 1);
    let rejects = std::fs::read_to_string(home.path().join("bad")).unwrap();
    assert_eq!(rejects.lines().count(), 100_001);
}
