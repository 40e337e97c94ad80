//! Tests of checking entries against schemas: what is accepted, what is refused, and the messages.

use proptest::prelude::*;

use super::*;
use crate::topology::Topology;

const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

fn checker(stream: &StreamSpec) -> Checker<'_> {
    Checker {
        fill_in: Some(FillIn {
            now: || Time::from_ms(1_700_000_000_000),
            new_event_id: || ID.to_owned(),
        }),
        ..Checker::new(Some(stream))
    }
}

fn stream(name: &str) -> StreamSpec {
    Topology::default()
        .stream(&name.into())
        .expect("built in")
        .clone()
}

fn text(fields: &Fields) -> String {
    let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let pairs: Vec<_> = fields
        .iter()
        .map(|(n, v)| format!("{}={}", lossy(n), lossy(v)))
        .collect();
    pairs.join(" ")
}

fn good(name: &str, line: &str) -> (String, Vec<String>) {
    let record = checker(&stream(name))
        .check_json(line.as_bytes())
        .expect(line);
    let warnings = record.warnings.iter().map(ToString::to_string).collect();
    (text(&record.fields), warnings)
}

fn bad(name: &str, line: &str) -> String {
    let invalid = checker(&stream(name))
        .check_json(line.as_bytes())
        .expect_err(line);
    invalid
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}

#[test]
fn the_platforms_own_call_becomes_an_entry() {
    let (fields, warnings) = good(
        "events.normalized",
        r#"{"eventId":"event-123","brandId":"test-brand","eventType":"purchase","profileId":"profile-456",
            "identifiers":{"phone": "+1234567890"},"normalizedPayload":{"total": 99.90},
            "timestamp":"2024-12-01T10:00:00+02:00"}"#,
    );
    assert_eq!(
        fields,
        r#"event_id=event-123 brand_id=test-brand event_type=purchase profile_id=profile-456 identifiers={"phone":"+1234567890"} normalized_payload={"total":99.90} timestamp=2024-12-01T08:00:00.000Z"#
    );
    assert_eq!(
        warnings,
        [
            "event_id: `event-123` is not a UUID",
            "profile_id: `profile-456` is not a UUID"
        ]
    );
}

#[test]
fn id_and_time_are_filled_in_where_the_schema_has_them() {
    let (fields, warnings) = good(
        "events.raw",
        r#"{"brand_id":"b","event_type":"page_view","payload":"{}"}"#,
    );
    assert_eq!(
        fields,
        format!(
            "event_id={ID} brand_id=b event_type=page_view payload={{}} timestamp=2023-11-14T22:13:20.000Z"
        )
    );
    assert_eq!(warnings, [""; 0]);
    let (fields, _) = good(
        "profiles.merge_requests",
        r#"{"brandId":"b","profileIds":["1","2"],"reason":"manual_review","requiresManualReview":true}"#,
    );
    assert_eq!(
        fields,
        r#"brand_id=b profile_ids=["1","2"] reason=manual_review requires_manual_review=true timestamp=2023-11-14T22:13:20.000Z"#
    );
}

#[test]
fn profile_id_may_be_empty_null_or_left_out() {
    for profile in [r#","profile_id":"""#, r#","profile_id":null"#, ""] {
        let line = format!(
            r#"{{"brand_id":"b","event_type":"x","identifiers":{{}},"normalized_payload":{{}}{profile}}}"#
        );
        good("events.normalized", &line);
    }
}

#[test]
fn each_rule_is_named_with_its_field() {
    let base = r#""brand_id":"b","event_type":"purchase","payload":"{}""#;
    for (line, expected) in [
        (
            r#"{"brand_id":"b","event_type":"refund","payload":"{}"}"#.to_owned(),
            "event_type: must be one of purchase, page_view, whatsapp_message (is `refund`)",
        ),
        (
            r#"{"brand_id":"b","event_type":"purchase","payload":"{x"}"#.to_owned(),
            "payload: must be JSON (is `{x`)",
        ),
        (
            r#"{"brand_id":null,"event_type":"purchase"}"#.to_owned(),
            "brand_id: must have a value; payload: is missing",
        ),
        (
            format!(r#"{{{base},"payloud":1}}"#),
            "payloud: is not a field of this stream, did you mean `payload`?",
        ),
        (
            format!(r#"{{{base},"brandId":"c"}}"#),
            "brandId: is `brand_id`, which is given as well",
        ),
        (
            format!(r#"{{{base},"_ucp_origin":"1-0"}}"#),
            "_ucp_origin: names that begin with _dlq_ or _ucp_ are reserved for this tool (`dlq redrive` moves dead letters back, `restore` archives)",
        ),
        (
            format!(r#"{{{base},"timestamp":"noon"}}"#),
            "timestamp: must be an ISO 8601 date and time, such as 2024-12-01T10:00:00.000Z (is `noon`)",
        ),
        (
            "[1]".to_owned(),
            "must be a JSON object (it is an array: publish a file that is one array with `publish --format json`) (is `[1]`)",
        ),
    ] {
        assert_eq!(bad("events.raw", &line), expected, "{line}");
    }
}

#[test]
fn pairs_may_not_repeat_a_field() {
    let raw = stream("events.raw");
    let pair = |name: &str, value: &str| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
    let fields = vec![
        pair("brand_id", "b"),
        pair("brand_id", "c"),
        pair("event_type", "purchase"),
        pair("payload", "{}"),
    ];
    let invalid = checker(&raw).check_record(fields).expect_err("repeated");
    assert_eq!(invalid[0].rule, Rule::Repeated);
}

#[test]
fn strict_refuses_foreign_ids() {
    let raw = stream("events.raw");
    let strict = Checker {
        strict: true,
        ..checker(&raw)
    };
    let line = br#"{"event_id":"event-123","brand_id":"b","event_type":"purchase","payload":"{}"}"#;
    let invalid = strict.check_json(line).expect_err("strict");
    assert_eq!(invalid[0].rule, Rule::NotUuid);
}

#[test]
fn nothing_is_filled_in_when_all_must_be_given() {
    let raw = stream("events.raw");
    let bare = Checker {
        fill_in: None,
        ..checker(&raw)
    };
    let line = br#"{"brand_id":"b","event_type":"purchase","payload":"{}"}"#;
    let invalid = bare.check_json(line).expect_err("id and time are missing");
    assert_eq!(
        invalid.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["event_id: is missing", "timestamp: is missing"]
    );
}

#[test]
fn without_a_schema_any_fields_will_do_but_some_there_must_be() {
    let any = Checker::new(None);
    let fields = vec![(b"a".to_vec(), b"\xff".to_vec()), (b"a".to_vec(), vec![])];
    assert_eq!(
        any.check_record(fields.clone()).expect("any").fields,
        fields
    );
    let rule = |line: &[u8]| any.check_json(line).expect_err("wrong")[0].rule.clone();
    assert_eq!(rule(b"{}"), Rule::NoFields);
    assert_eq!(rule(br#"{"a":null}"#), Rule::Null);
    assert_eq!(rule(br#"{"_dlq_reason":"x"}"#), Rule::Reserved);
}

#[test]
fn limits_hold() {
    let any = Checker::new(None);
    let big = |count: usize, size: usize| -> Fields {
        (0..count)
            .map(|at| (at.to_string().into_bytes(), vec![b'x'; size]))
            .collect()
    };
    assert!(any.check_record(big(Size::EVENT.fields, 1)).is_ok());
    let rule = |fields| {
        any.check_record(fields).expect_err("too much")[0]
            .rule
            .clone()
    };
    assert_eq!(
        rule(big(Size::EVENT.fields + 1, 1)),
        Rule::TooManyFields(Size::EVENT.fields)
    );
    assert!(any.check_record(big(1, Size::EVENT.bytes - 1)).is_ok());
    assert_eq!(
        rule(big(1, Size::EVENT.bytes)),
        Rule::TooLarge(Size::EVENT.bytes)
    );
}

#[test]
fn the_buffer_goes_from_line_to_line() {
    let raw = stream("events.raw");
    let checker = checker(&raw);
    let (mut buffer, mut findings): (Vec<Pair<'static>>, _) =
        (Vec::with_capacity(64), Findings::default());
    for at in 0..3 {
        let line = format!(r#"{{"brand_id":"b{at}","event_type":"purchase","payload":{{}}}}"#);
        let mut fields = recycle(buffer);
        checker.check_line(line.as_bytes(), &mut fields, &mut findings);
        assert_eq!((fields.len(), fields.capacity()), (5, 64));
        buffer = recycle(fields);
    }
    assert_eq!(findings, Findings::default());
}

#[test]
fn a_complete_entry_is_borrowed_whole() {
    let raw = stream("events.raw");
    let line = format!(
        r#"{{"eventId":"{ID}","brand_id":"b","event_type":"purchase","payload":{{"total":1}},"timestamp":"2024-12-01T10:00:00.000Z"}}"#
    );
    let (mut fields, mut findings) = (Vec::new(), Findings::default());
    checker(&raw).check_line(line.as_bytes(), &mut fields, &mut findings);
    assert_eq!(findings, Findings::default());
    assert_eq!(fields.len(), 5);
    for pair in fields {
        assert!(
            matches!(pair, (Cow::Borrowed(_), Cow::Borrowed(_))),
            "{pair:?}"
        );
    }
}

#[test]
fn camel_case_is_exactly_the_snake_case() {
    for (camel, snake, same) in [
        ("eventId", "event_id", true),
        ("requiresManualReview", "requires_manual_review", true),
        ("eventID", "event_id", false),
        ("EventId", "event_id", false),
        ("eventIds", "event_id", false),
        ("event", "event_id", false),
    ] {
        assert_eq!(
            is_camel_case_of(camel.as_bytes(), snake.as_bytes()),
            same,
            "{camel}"
        );
    }
}

proptest! {
    #[test]
    fn a_good_entry_is_good_again_unchanged(
        brand in "[a-z]{1,8}", kind in 0usize..3, payload in "[a-z ]{0,12}",
        at in 0i64..4_000_000_000_000, offset in -12i8..12,
    ) {
        let raw = stream("events.raw");
        let moment = jiff::Timestamp::from_millisecond(at).expect("in range");
        let zone = jiff::tz::Offset::constant(offset).to_time_zone();
        let line = serde_json::json!({
            "brandId": brand, "event_type": crate::platform::EVENT_TYPES[kind],
            "payload": {"text": payload}, "timestamp": moment.to_zoned_datetime(zone).strftime("%Y-%m-%dT%H:%M:%S%.f%:z").to_string(),
        });
        let once = checker(&raw).check_json(line.to_string().as_bytes()).expect("good");
        let twice = checker(&raw).check_record(once.fields.clone()).expect("still good");
        prop_assert_eq!(&once.fields, &twice.fields);
        let (_, written) = once.fields.last().expect("has fields");
        prop_assert_eq!(String::from_utf8_lossy(written).parse::<jiff::Timestamp>().expect("RFC 3339"), moment);
    }

    #[test]
    fn no_input_panics(line: Vec<u8>, fields: Vec<(Vec<u8>, Vec<u8>)>) {
        let raw = stream("events.raw");
        let _ = checker(&raw).check_json(&line);
        let _ = checker(&raw).check_record(fields);
    }
}
