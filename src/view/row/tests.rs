//! Tests of one list in every format.

use super::*;
use crate::model::{EntryId, Lag, Name, report};

report! {
    struct Known {
        group: Name => text("GROUP"),
        lag: Lag => number("LAG"),
        last_id: Option<EntryId> => whole("LAST ID"),
        idle_ms: u64 => millis("IDLE", wide),
    }
}

fn groups() -> [Known; 2] {
    [
        Known {
            group: "a,\"b\"".into(),
            lag: Lag::Known(12_345),
            last_id: Some(EntryId::new(5, 7)),
            idle_ms: 200_000,
        },
        Known {
            group: "x\x1b]0;t\x07\r\u{202e}".into(),
            lag: Lag::Unknown,
            last_id: None,
            idle_ms: 0,
        },
    ]
}

fn shown(options: &Options) -> String {
    let mut out = Vec::new();
    rows(&mut out, &groups(), options).expect("shows");
    String::from_utf8(out).expect("UTF-8")
}

fn only(format: Format, columns: &[&str]) -> Options {
    Options {
        columns: columns.iter().map(|key| (*key).into()).collect(),
        ..Options::new(format)
    }
}

#[test]
fn table_is_for_people() {
    assert_eq!(
        shown(&Options::new(Format::Table)),
        "GROUP                              LAG  LAST ID\n\
         a,\"b\"                           12,345  5-7\n\
         $'x\\x1b]0;t\\x07\\r\\xe2\\x80\\xae'       ?  -\n"
    );
    assert!(shown(&Options::new(Format::Wide)).contains("3m 20s"));
}

#[test]
fn plain_is_one_line_a_row_with_raw_numbers() {
    assert_eq!(
        shown(&Options::new(Format::Plain)),
        "group\tlag\tlast_id\tidle_ms\na,\"b\"\t12345\t5-7\t200000\n$'x\\x1b]0;t\\x07\\r\\xe2\\x80\\xae'\t?\t\t0\n"
    );
}

#[test]
fn csv_quotes() {
    assert_eq!(
        shown(&Options::new(Format::Csv)),
        "group,lag,last_id,idle_ms\r\n\"a,\"\"b\"\"\",12345,5-7,200000\r\n$'x\\x1b]0;t\\x07\\r\\xe2\\x80\\xae',?,,0\r\n"
    );
}

#[test]
fn json_holds_everything_and_nothing_raw() {
    let expected = [
        r#"{"group":"a,\"b\"","lag":{"entries":12345,"quality":"known"},"last_id":"5-7","idle_ms":200000}"#,
        r#"{"group":"x\u001b]0;t\u0007\r\u202e","lag":{"entries":null,"quality":"unknown"},"last_id":null,"idle_ms":0}"#,
    ];
    assert_eq!(
        shown(&Options::new(Format::Ndjson)),
        format!("{}\n{}\n", expected[0], expected[1])
    );
    assert_eq!(
        shown(&Options::new(Format::Json)),
        format!("[\n{},\n{}\n]\n", expected[0], expected[1])
    );
}

#[test]
fn no_rows_are_still_a_list() {
    let mut out = Vec::new();
    rows::<Known>(&mut out, &[], &Options::new(Format::Json)).expect("shows");
    assert_eq!(out, b"[]\n");
    for (format, text) in [
        (Format::Csv, &b"group,lag,last_id,idle_ms\r\n"[..]),
        (Format::Table, b"GROUP  LAG  LAST ID\n"),
        (Format::Ndjson, b""),
    ] {
        let mut out = Vec::new();
        rows::<Known>(&mut out, &[], &Options::new(format)).expect("shows");
        assert_eq!(out, text, "{format:?}");
    }
}

#[test]
fn columns_choose_and_order_in_every_format() {
    assert_eq!(
        shown(&only(Format::Plain, &["idle_ms", "group"]))
            .lines()
            .next(),
        Some("idle_ms\tgroup")
    );
    assert_eq!(
        shown(&only(Format::Table, &["idle"])),
        "  IDLE\n3m 20s\n   0ms\n"
    );
    assert_eq!(
        shown(&only(Format::Ndjson, &["idle_ms", "last_id"])),
        "{\"idle_ms\":200000,\"last_id\":\"5-7\"}\n{\"idle_ms\":0,\"last_id\":null}\n"
    );
    for format in [Format::Table, Format::Csv, Format::Json] {
        let problem =
            rows(&mut Vec::new(), &groups(), &only(format, &["nope"])).expect_err("no such column");
        assert_eq!(problem.kind, Kind::Usage);
        assert_eq!(
            problem.hint.as_deref(),
            Some("--columns takes group, lag, last_id, idle_ms")
        );
    }
}

#[test]
fn names_and_no_headers() {
    let names = |format| Options {
        names: true,
        ..Options::new(format)
    };
    assert_eq!(
        shown(&names(Format::Table)),
        "a,\"b\"\n$'x\\x1b]0;t\\x07\\r\\xe2\\x80\\xae'\n"
    );
    assert_eq!(
        shown(&names(Format::Ndjson)),
        "\"a,\\\"b\\\"\"\n\"x\\u001b]0;t\\u0007\\r\\u202e\"\n"
    );
    let bare = Options {
        headers: false,
        ..only(Format::Table, &["lag"])
    };
    assert_eq!(shown(&bare), "12,345\n     ?\n");
}

#[test]
fn pages_make_one_document() {
    for format in Format::ALL {
        let options = Options::new(format);
        let mut writer = RowWriter::new(&options).expect("a writer");
        let mut out = Vec::new();
        for group in groups() {
            writer.page(&mut out, &[group]).expect("shows");
        }
        writer.end(&mut out).expect("ends");
        let lines = |text: &str| text.lines().count();
        assert_eq!(
            lines(&String::from_utf8(out).expect("UTF-8")),
            lines(&shown(&options)),
            "{format:?}"
        );
    }
}

#[test]
fn one_object_is_a_block_or_an_object() {
    let show = |options: &Options| {
        let mut out = Vec::new();
        one(&mut out, &groups()[0], options).expect("shows");
        String::from_utf8(out).expect("UTF-8")
    };
    assert_eq!(
        show(&Options::new(Format::Table)),
        "group    a,\"b\"\nlag      12,345\nlast id  5-7\n"
    );
    assert!(show(&Options::new(Format::Json)).starts_with("{\"group\""));
    let pretty = Options {
        terminal: true,
        ..Options::new(Format::Json)
    };
    assert!(show(&pretty).starts_with("{\n  \"group\": \"a"));
}
