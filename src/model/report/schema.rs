//! The JSON Schemas of the plain values in reports.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::model::{Body, EntryId, Lag, Name, Time};

/// Gives a type a schema that is inlined where the type is used.
macro_rules! inline {
    ($($type:ty = { $($schema:tt)* })*) => {$(
        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ $($schema)* })
            }
        }
    )*};
}

inline! {
    Name = { "type": "string" }
    EntryId = { "type": "string", "format": "entry-id", "pattern": "^[0-9]+-[0-9]+$" }
    Time = { "type": "string", "format": "date-time" }
    Lag = {
        "type": "object",
        "description": "A number of entries, and how exactly it is known",
        "properties": {
            "entries": {
                "description": "The number; null when it is unknown",
                "type": ["integer", "null"],
                "minimum": 0
            },
            "quality": {
                "description": "Whether the number is exact, an upper bound, a lower bound or unknown",
                "enum": ["known", "at_most", "at_least", "unknown"] }
        },
        "required": ["entries", "quality"],
        "additionalProperties": false
    }
    Body = {
        "description": "The fields in order; a repeated field is the array of its values, and bytes that are not \
            UTF-8 are {\"base64\": …}. With --pairs it is a list of [name, value]",
        "type": ["object", "array"]
    }
}
