//! Tests of entries as text, case by case, and properties of their JSON.

use proptest::prelude::*;
use serde_json::Value;

use super::*;

type Pairs<'a> = &'a [(&'a [u8], &'a [u8])];

const ID: EntryId = EntryId::new(1_700_000_000_000, 3);

fn shown(options: &Options, style: EntryStyle, entries: &[Pairs<'_>]) -> String {
    let mut writer = EntryWriter::new(options, style);
    let mut out = Vec::new();
    for fields in entries {
        writer.item(&mut out, b"events.raw", ID, fields);
    }
    writer.end(&mut out);
    String::from_utf8(out).expect("UTF-8")
}

fn simple(format: Format, entries: &[Pairs<'_>]) -> String {
    shown(&Options::new(format), EntryStyle::default(), entries)
}

const ENTRY: Pairs<'static> = &[
    (b"event_id", b"e-1"),
    (b"payload", b"{\"a\":1,\"b\":[]}"),
    (b"note", b"x\ty\x1b[2J"),
];

#[test]
fn ndjson_is_one_object_a_line_in_field_order() {
    assert_eq!(
        simple(Format::Ndjson, &[ENTRY, &[]]),
        concat!(
            r#"{"stream":"events.raw","id":"1700000000000-3","time":"2023-11-14T22:13:20.000Z","#,
            r#""fields":{"event_id":"e-1","payload":"{\"a\":1,\"b\":[]}","note":"x\ty\u001b[2J"}}"#,
            "\n",
            r#"{"stream":"events.raw","id":"1700000000000-3","time":"2023-11-14T22:13:20.000Z","fields":{}}"#,
            "\n"
        )
    );
}

#[test]
fn json_is_an_array_even_of_nothing() {
    assert_eq!(simple(Format::Json, &[]), "[]\n");
    let two: Vec<Value> =
        serde_json::from_str(&simple(Format::Json, &[ENTRY, ENTRY])).expect("JSON");
    assert_eq!(two.len(), 2);
    assert_eq!(two[0]["fields"]["event_id"], "e-1");
}

#[test]
fn repeated_and_binary_fields_survive() {
    let entry: Pairs<'_> = &[(b"a", b"1"), (b"b", b"\xff"), (b"a", b"2"), (b"\xfe", b"")];
    let json = simple(Format::Ndjson, &[entry]);
    assert!(
        json.contains(r#""fields":{"a":["1","2"],"b":{"base64":"/w=="},"base64:/g==":""}"#),
        "{json}"
    );
    let pairs = EntryStyle {
        pairs: true,
        ..EntryStyle::default()
    };
    let json = shown(&Options::new(Format::Ndjson), pairs, &[entry]);
    assert!(
        json.contains(
            r#""fields":[["a","1"],["b",{"base64":"/w=="}],["a","2"],[{"base64":"/g=="},""]]"#
        ),
        "{json}"
    );
}

#[test]
fn plain_is_one_escaped_line() {
    assert_eq!(
        simple(Format::Plain, &[ENTRY]),
        "1700000000000-3\tevent_id=e-1\tpayload={\"a\":1,\"b\":[]}\tnote=x\\ty\\x1b[2J\n"
    );
    let several = EntryStyle {
        several_streams: true,
        ..EntryStyle::default()
    };
    assert!(
        shown(&Options::new(Format::Plain), several, &[ENTRY])
            .starts_with("events.raw\t1700000000000-3\t")
    );
}

#[test]
fn a_terminal_gets_indented_payloads() {
    let options = Options {
        terminal: true,
        ..Options::new(Format::Table)
    };
    assert_eq!(
        shown(&options, EntryStyle::default(), &[ENTRY]),
        "\
1700000000000-3  2023-11-14T22:13:20.000Z
  event_id  e-1
  payload   {
    \"a\": 1,
    \"b\": []
  }
  note      x\\ty\\x1b[2J
"
    );
    assert!(simple(Format::Table, &[ENTRY]).contains("payload   {\"a\":1,\"b\":[]}\n"));
}

#[test]
fn chosen_fields_are_columns_or_a_filter() {
    let options = |format| Options {
        columns: vec!["id".into(), "note".into(), "nope".into()],
        ..Options::new(format)
    };
    let show = |format| shown(&options(format), EntryStyle::default(), &[ENTRY]);
    assert_eq!(
        show(Format::Csv),
        "id,note,nope\r\n1700000000000-3,x\\ty\\x1b[2J,\r\n"
    );
    assert_eq!(
        show(Format::Plain),
        "id\tnote\tnope\n1700000000000-3\tx\\ty\\x1b[2J\t\n"
    );
    assert!(show(Format::Ndjson).contains(r#""fields":{"note":"x\ty\u001b[2J"}"#));
}

#[test]
fn csv_has_the_fields_as_json() {
    let csv = simple(Format::Csv, &[&[(b"a", b"1"), (b"a", b"2")]]);
    assert_eq!(
        csv,
        "stream,id,time,fields\r\nevents.raw,1700000000000-3,2023-11-14T22:13:20.000Z,\"{\"\"a\"\":[\"\"1\"\",\"\"2\"\"]}\"\r\n"
    );
}

#[test]
fn names_are_ids() {
    let options = |format| Options {
        names: true,
        ..Options::new(format)
    };
    for (format, text) in [
        (Format::Table, "1700000000000-3\n"),
        (Format::Ndjson, "\"1700000000000-3\"\n"),
        (Format::Json, "[\n\"1700000000000-3\"\n]\n"),
    ] {
        assert_eq!(
            shown(&options(format), EntryStyle::default(), &[ENTRY]),
            text
        );
    }
}

#[test]
fn a_thousand_fields_with_a_repeat_are_found() {
    let mut fields: Vec<(Vec<u8>, Vec<u8>)> = (0..1000)
        .map(|number| (format!("f{number}").into_bytes(), b"v".to_vec()))
        .collect();
    assert!(!has_repeats(&fields));
    fields.push((b"f500".to_vec(), b"w".to_vec()));
    assert!(has_repeats(&fields));
    assert_eq!(grouped(&fields)[500].1, [b"v", b"w"]);
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..12),
        any::<String>().prop_map(String::into_bytes),
        prop::sample::select(vec![b"a".to_vec(), b"b".to_vec()]),
    ]
}

proptest! {
    #[test]
    fn pairs_lose_nothing(fields in prop::collection::vec((bytes(), bytes()), 0..6), stream in bytes()) {
        let mut writer = EntryWriter::new(&Options::new(Format::Ndjson), EntryStyle { pairs: true, ..EntryStyle::default() });
        let mut out = Vec::new();
        writer.item(&mut out, &stream, ID, &fields);
        let value: Value = serde_json::from_slice(&out).expect("JSON");
        prop_assert_eq!(back(&value["stream"]), stream);
        let read: Vec<(Vec<u8>, Vec<u8>)> = value["fields"].as_array().expect("an array").iter()
            .map(|pair| (back(&pair[0]), back(&pair[1]))).collect();
        prop_assert_eq!(read, fields);
    }

    #[test]
    fn every_format_is_safe_to_look_at(fields in prop::collection::vec((bytes(), bytes()), 0..6), stream in bytes()) {
        for format in Format::ALL {
            let options = Options { terminal: true, ..Options::new(format) };
            let mut writer = EntryWriter::new(&options, EntryStyle { several_streams: true, ..EntryStyle::default() });
            let mut out = Vec::new();
            writer.item(&mut out, &stream, ID, &fields);
            writer.end(&mut out);
            let text = String::from_utf8(out).expect("UTF-8");
            let odd = text.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\t' | '\r'));
            prop_assert!(odd.is_none(), "{:?}", odd);
            let lines = text.lines().count();
            prop_assert!(format != Format::Plain || lines == 1);
        }
    }
}

fn back(value: &Value) -> Vec<u8> {
    use base64::Engine as _;
    match value {
        Value::String(text) => text.clone().into_bytes(),
        other => base64::engine::general_purpose::STANDARD
            .decode(other["base64"].as_str().expect("base64"))
            .expect("base64"),
    }
}

proptest! {
    /// The object that a handler gets and the one that a reader sees are the same, although two writers produce them.
    #[test]
    fn both_writers_of_the_entry_object_agree(
        fields in proptest::collection::vec((proptest::collection::vec(any::<u8>(), 0..3), proptest::collection::vec(any::<u8>(), 0..9)), 0..60)
    ) {
        let entry = crate::model::Entry { id: ID, fields };
        let mut written = Vec::new();
        let mut writer = EntryWriter::new(&Options::new(Format::Ndjson), EntryStyle::default());
        writer.item(&mut written, b"events.raw", ID, &entry.fields);
        let written: Value = serde_json::from_slice(&written).expect("JSON");
        prop_assert_eq!(written, serde_json::to_value(entry.object(&"events.raw".into())).expect("JSON"));
    }
}
