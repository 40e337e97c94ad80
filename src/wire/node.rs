//! A reply as a tree, so that each decoder is written once for both kinds of connection: the client crate's owned
//! values and the in-place replies of [`super::resp`].

use redis::Value;

/// The type of a node.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape<'a> {
    /// Nil.
    Nil,
    /// A number.
    Int(i64),
    /// Text or bytes.
    Bytes(&'a [u8]),
    /// A list with this many children.
    List(usize),
    /// A map with this many pairs; [`Node::children`] gives keys and values alternately.
    Map(usize),
    /// Anything else, including an error, which is never part of a reply that this tool asks for.
    Other,
}

/// A node of a reply.
pub trait Node<'a>: Copy {
    /// Iterates over children.
    type Children: Iterator<Item = Self>;
    /// The type of the node.
    fn shape(self) -> Shape<'a>;
    /// Its children; none for a leaf. For a map, keys and values alternately.
    fn children(self) -> Self::Children;
}

impl<'a> Node<'a> for &'a Value {
    type Children = ValueChildren<'a>;

    fn shape(self) -> Shape<'a> {
        match self {
            Value::Nil => Shape::Nil,
            Value::Int(value) => Shape::Int(*value),
            Value::BulkString(bytes) => Shape::Bytes(bytes),
            Value::SimpleString(text) | Value::VerbatimString { text, .. } => {
                Shape::Bytes(text.as_bytes())
            }
            Value::Okay => Shape::Bytes(b"OK"),
            Value::Array(items) | Value::Set(items) => Shape::List(items.len()),
            Value::Map(pairs) => Shape::Map(pairs.len()),
            Value::Attribute { data, .. } => Node::shape(&**data),
            _ => Shape::Other,
        }
    }

    fn children(self) -> ValueChildren<'a> {
        match self {
            Value::Array(items) | Value::Set(items) => ValueChildren::Items(items.iter()),
            Value::Map(pairs) => ValueChildren::Pairs(pairs.iter(), None),
            Value::Attribute { data, .. } => Node::children(&**data),
            _ => ValueChildren::Items([].iter()),
        }
    }
}

/// The children of an owned value.
#[derive(Clone, Debug)]
pub enum ValueChildren<'a> {
    /// The children of a list.
    Items(std::slice::Iter<'a, Value>),
    /// The children of a map: the remaining pairs, and the value of the key that was just returned.
    Pairs(std::slice::Iter<'a, (Value, Value)>, Option<&'a Value>),
}

impl<'a> Iterator for ValueChildren<'a> {
    type Item = &'a Value;

    fn next(&mut self) -> Option<&'a Value> {
        match self {
            Self::Items(items) => items.next(),
            Self::Pairs(pairs, waiting) => waiting.take().or_else(|| {
                let (key, value) = pairs.next()?;
                *waiting = Some(value);
                Some(key)
            }),
        }
    }
}
