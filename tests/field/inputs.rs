//! What comes into `--file`: endless inputs, delimiters, compressed files.

use std::io::Write as _;

use crate::support::scene::Scene;
use crate::support::{PATIENCE, Reply, Run, TestServer, directory, until};

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
    run.assert_code(7).stderr_has("100,001 lines");
    assert_eq!(server.redis(&["XLEN", "s"]).int(), 1);
    let rejects = std::fs::read_to_string(home.path().join("bad")).unwrap();
    assert_eq!(rejects.lines().count(), 100_001);
}

/// Writes a file, and what publishing it with these flags does to the stream `s`.
fn published(server: &TestServer, contents: &[u8], flags: &[&str]) -> (Run, Vec<Vec<String>>) {
    server.redis(&["DEL", "s"]);
    let args = [&["publish", "s", "--file", "in"], flags].concat();
    let run = server.command(&args).file("in", contents).run();
    let range = server.redis(&["XRANGE", "s", "-", "+"]);
    let texts = |entry: &Reply| {
        let texts = entry.items()[1].texts();
        texts.into_iter().map(str::to_owned).collect()
    };
    (run, range.items().iter().map(texts).collect())
}

#[test]
fn field_b9_another_delimiter_is_refused_and_taken_when_it_is_named() {
    let server = TestServer::start();
    for (shown, name, table) in [
        ("`;`", ";", "a;b\n1;2\n"),
        ("`;`", ";", "\"a\";\"b\"\n1;2\n"),
        ("`\\t`", "tab", "a\tb\n1\t2\n"),
        ("`|`", "|", "a|b\n1|2\n"),
        ("`sep=;`", ";", "sep=;\na;b\n1;2\n"),
    ] {
        let csv = &["--format", "csv"][..];
        let (run, stored) = published(&server, table.as_bytes(), csv);
        let quoted = if name == "tab" {
            name.to_owned()
        } else {
            format!("'{name}'")
        };
        run.assert_code(2)
            .stderr_has(shown)
            .stderr_has(&format!("--delimiter {quoted}"));
        assert!(stored.is_empty());
        let named = [csv, &["--delimiter", name]].concat();
        let (run, stored) = published(&server, table.as_bytes(), &named);
        run.assert_code(0);
        assert_eq!(stored, [["a", "1", "b", "2"]], "{table}");
        // With a schema it is no other error.
        let args = ["publish", "raw", "--file", "-", "--format", "csv"];
        let raw = server.command(&args).stdin(table).run();
        raw.assert_code(2).stderr_has("--delimiter");
    }
    // What stands between commas may have anything in it, and so may the only column once that is said.
    let (run, stored) = published(&server, b"a;b,c\n1,2\n", &["--format", "csv"]);
    run.assert_code(0);
    assert_eq!(stored, [["a;b", "1", "c", "2"]]);
    let comma = &["--format", "csv", "--delimiter", ","];
    let (run, stored) = published(&server, b"a;b\n1\n", comma);
    run.assert_code(0);
    assert_eq!(stored, [["a;b", "1"]]);
    let (run, _) = published(&server, b"{}", &["--delimiter", ";"]);
    run.assert_code(2).stderr_has("--format csv");
}

#[test]
fn field_b9_compressed_files_are_read() {
    let server = TestServer::start();
    let gzip = |text: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    };
    let zstd = |text: &[u8]| zstd::encode_all(text, 1).unwrap();
    for (flags, text) in [
        (&[][..], "{\"a\":1}\n{\"a\":2}\n"),
        (&["--stream"], "{\"a\":1}\n{\"a\":2}\n"),
        (&["--format", "json"], "[{\"a\":1},{\"a\":2}]"),
        (&["--format", "csv"], "a\n1\n2\n"),
    ] {
        for packed in [gzip(text.as_bytes()), zstd(text.as_bytes())] {
            let (run, stored) = published(&server, &packed, flags);
            run.assert_code(0);
            assert_eq!(stored, [["a", "1"], ["a", "2"]], "{flags:?}");
            server.redis(&["DEL", "s"]);
            let args = [&["publish", "s", "--file", "-"], flags].concat();
            server.command(&args).stdin(packed).run().assert_code(0);
            assert_eq!(server.redis(&["XLEN", "s"]).int(), 2);
        }
    }
    let event = r#"{"brand_id":"b","event_type":"page_view","payload":{}}"#;
    let args = ["ingest", "--file", "-"];
    let run = server.command(&args).stdin(gzip(event.as_bytes())).run();
    run.assert_code(0);
    assert_eq!(server.redis(&["XLEN", "events.raw"]).int(), 1);
}

#[test]
fn field_b9_what_a_compressed_file_may_hold_is_bounded() {
    let server = TestServer::start();
    let text = "{\"a\":1}\n".repeat(20_000);
    let packed = zstd::encode_all(text.as_bytes(), 1).unwrap();
    let (run, stored) = published(&server, &packed, &["--max-expanded", "100KiB"]);
    run.assert_code(2)
        .stderr_has("100.0 KiB")
        .stderr_has("--max-expanded");
    assert!(stored.is_empty());
    let (run, stored) = published(&server, &packed, &["--max-expanded", "1MiB"]);
    run.assert_code(0);
    assert_eq!(stored.len(), 20_000);
    // One that is cut off is refused as a whole.
    let (run, stored) = published(&server, &packed[..packed.len() - 4], &[]);
    run.assert_code(2)
        .stderr_has("zstd that is damaged or incomplete");
    assert!(stored.is_empty());
}

#[test]
fn field_b9_other_files_are_named_with_what_to_do() {
    let server = TestServer::start();
    for (head, name, next) in [
        (&b"PK\x03\x04\x14\0"[..], "xlsx", "CSV"),
        (b"BZh91AY&SY", "bzip2", "bzip2 -dc"),
        (b"\xfd7zXZ\0\0", "xz", "xz -dc"),
        (b"PAR1\x15\x04", "Parquet", "duckdb"),
        (b"7z\xbc\xaf\x27\x1c", "7z", "7z x -so"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "Office", "CSV"),
        (b"%PDF-1.7", "PDF", "was made"),
        (b"Obj\x01\x04", "Avro", "avro-tools"),
    ] {
        for flags in [&[][..], &["--format", "csv"], &["--format", "json"]] {
            let (run, stored) = published(&server, head, flags);
            run.assert_code(2).stderr_has(name).stderr_has(next);
            assert!(stored.is_empty());
        }
    }
}

const MIXED: &str = "{\"a\":1}\n7\n{\"a\":2}\n\"x\"\n";
const REJECTED: &str = "7\n\"x\"\n";

#[test]
fn field_e7_rejects_go_where_they_are_sent() {
    let scene = Scene::start();
    scene.file("in", MIXED);
    let publish = "ucp-streams -q publish s --file in --skip-invalid --rejects";
    for (script, stdout) in [
        (format!("{publish} -"), REJECTED),
        (format!("{publish} - --stream"), REJECTED),
        (format!("{publish} /dev/stdout -o json"), REJECTED),
        (
            format!("{publish} /dev/stderr 2>&1 >ids | grep -x -e 7 -e '\"x\"'"),
            REJECTED,
        ),
        (format!("{publish} >(cat) >ids"), REJECTED),
        (
            format!(
                "mkfifo pipe; cat pipe >bad & {publish} pipe >ids || :; wait; cat bad; rm pipe"
            ),
            REJECTED,
        ),
        (format!("{publish} /dev/null >ids"), ""),
    ] {
        scene.redis(&["DEL", "s"]);
        let run = scene.bash(&script);
        assert_eq!(run.stdout(), stdout, "{script}\n{run}");
        assert_eq!(scene.length("s"), 2, "{script}");
    }
    // Nothing is sent where they cannot be written.
    scene.redis(&["DEL", "s"]);
    let run = scene.bash(&format!("{publish} /dev/full"));
    run.assert_code(74).stderr_has("nothing was sent");
    let run = scene.bash(&format!("{publish} - >&-"));
    run.assert_code(74);
    assert_eq!(scene.length("s"), 0);
    // A file that is there is not one to be written to.
    let run = scene.bash(&format!("{publish} in"));
    run.assert_code(6).stderr_has("exists already");
}

#[test]
fn field_e7_a_journal_goes_where_it_is_sent() {
    let scene = Scene::start();
    scene.redis(&["XGROUP", "CREATE", "s", "g", "0", "MKSTREAM"]);
    let work = "ucp-streams -q worker run g --stream s --once --exec --journal";
    for script in [
        format!("{work} - -- true"),
        format!("{work} /dev/stdout -- true"),
        format!("{work} >(cat) -- true"),
        format!("mkfifo pipe; cat pipe >ids & {work} pipe -- true; wait; cat ids; rm pipe"),
    ] {
        let id = scene.redis(&["XADD", "s", "*", "a", "1"]);
        let run = scene.bash(&script);
        assert_eq!(run.stdout(), format!("{}\n", id.text()), "{script}\n{run}");
    }
    scene.bash("test ! -e -").assert_code(0);
}
