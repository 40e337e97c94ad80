//! Describes a JSON Schema for people: the keys of what a command prints, each with its type and its meaning.

use serde_json::Value;

/// One key, at any depth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::commands) struct Key {
    /// The key's path as jq writes it: `groups[].lag.entries`.
    pub(in crate::commands) path: String,
    /// `integer`, `string or null`, `id`, `list` …
    pub(in crate::commands) kind: String,
    /// Its description.
    pub(in crate::commands) about: String,
}

/// The type of the whole output: `a list of objects`, `an object`.
pub(in crate::commands) fn whole(schema: &Value) -> &'static str {
    match schema.get("type").and_then(Value::as_str) {
        Some("array") => "a list; each element is an object",
        _ => "an object",
    }
}

/// All keys, each of them after the one that contains it.
pub(in crate::commands) fn keys(schema: &Value) -> Vec<Key> {
    let mut found = Vec::new();
    walk(element(schema), "", &mut found);
    found
}

/// The schema of a list's elements; any other schema is returned unchanged.
fn element(schema: &Value) -> &Value {
    schema.get("items").map_or(schema, element)
}

/// The schema of a value that may also be null, without the null.
fn present(schema: &Value) -> &Value {
    let choices = ["anyOf", "oneOf"].iter().find_map(|key| schema.get(key));
    let choices = choices.and_then(Value::as_array);
    let is_null = |choice: &&Value| choice.get("type").and_then(Value::as_str) == Some("null");
    match choices {
        Some(choices) if choices.iter().any(|it| is_null(&it)) => choices
            .iter()
            .find(|it| !is_null(it))
            .map_or(schema, present),
        _ => schema,
    }
}

fn walk(schema: &Value, path: &str, found: &mut Vec<Key>) {
    let Some(properties) = present(schema).get("properties").and_then(Value::as_object) else {
        return;
    };
    for (name, property) in properties {
        let is_list = present(property).get("items").is_some_and(Value::is_object);
        let path = format!("{path}{name}");
        found.push(Key {
            kind: kind(property),
            about: about(property),
            path: path.clone(),
        });
        let below = if is_list { "[]." } else { "." };
        walk(element(present(property)), &format!("{path}{below}"), found);
    }
}

fn about(schema: &Value) -> String {
    let own = schema.get("description").and_then(Value::as_str);
    let text = own.or_else(|| present(schema).get("description").and_then(Value::as_str));
    let words: Vec<&str> = text.unwrap_or_default().split_whitespace().collect();
    // What is code in the source is a plain word to a reader of the manual.
    let text = words.join(" ").replace("`None`", "null");
    text.replace("[`", "").replace("`]", "").replace('`', "")
}

/// The type, in a word or two.
fn kind(schema: &Value) -> String {
    let mut words = words(present(schema));
    let is_nullable = !std::ptr::eq(present(schema), schema);
    if is_nullable && !words.contains(&"null".to_owned()) {
        words.push("null".to_owned());
    }
    words.join(" or ")
}

fn words(schema: &Value) -> Vec<String> {
    if let Some(choices) = values(schema) {
        return choices;
    }
    let format = schema.get("format").and_then(Value::as_str);
    let word = |kind: &str| {
        match (kind, format) {
            ("string", Some("entry-id")) => "id",
            ("string", Some("date-time")) => "time",
            ("array", _) => "list",
            ("boolean", _) => "bool",
            (other, _) => other,
        }
        .to_owned()
    };
    match schema.get("type") {
        Some(Value::String(kind)) => vec![word(kind)],
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).map(word).collect(),
        _ => vec!["value".to_owned()],
    }
}

/// The allowed values, if they are listed.
fn values(schema: &Value) -> Option<Vec<String>> {
    let quoted = |value: &Value| value.as_str().map(|text| format!("\"{text}\""));
    if let Some(Value::Array(choices)) = schema.get("enum") {
        return choices.iter().map(quoted).collect();
    }
    let Some(Value::Array(choices)) = schema.get("oneOf") else {
        return None;
    };
    let of = |choice: &Value| match choice.get("const") {
        Some(value) => Some(vec![quoted(value)?]),
        None => values(choice),
    };
    let lists: Option<Vec<Vec<String>>> = choices.iter().map(of).collect();
    lists.map(|lists| lists.concat())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_say_where_they_are_and_what_they_may_be() {
        let schema = json!({ "type": "array", "items": { "type": "object", "properties": {
            "id": { "type": "string", "format": "entry-id", "description": "The\nentry; `None` without [`Name`]." },
            "state": { "oneOf": [{ "const": "ok" }, { "enum": ["gone", "held"] }] },
            "lag": { "description": "Behind.", "anyOf": [
                { "type": "object", "properties": { "entries": { "type": ["integer", "null"] } } },
                { "type": "null" },
            ] },
            "holders": { "type": "array", "items": { "properties": { "idle_ms": { "type": "integer" } } } },
        } } });
        let lines: Vec<String> = keys(&schema)
            .into_iter()
            .map(|key| format!("{} {} {}", key.path, key.kind, key.about))
            .collect();
        assert_eq!(
            lines,
            [
                "id id The entry; null without Name.",
                "state \"ok\" or \"gone\" or \"held\" ",
                "lag object or null Behind.",
                "lag.entries integer or null ",
                "holders list ",
                "holders[].idle_ms integer ",
            ]
        );
        assert_eq!(whole(&schema), "a list; each element is an object");
    }
}
