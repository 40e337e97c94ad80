//! A reply seen as a tree, so that each decoder is written once for both kinds of connection: the client crate's
//! owned values and the in-place replies of [`super::resp`].

use redis::Value;

/// What a node of a reply is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape<'a> {
    /// Nothing.
    Nil,
    /// A number.
    Int(i64),
    /// Text or bytes.
    Bytes(&'a [u8]),
    /// So many children.
    List(usize),
    /// So many pairs; [`Node::children`] gives key and value in turn.
    Map(usize),
    /// Anything else, an error among it: never part of a reply this tool asks for.
    Other,
}

/// A node of a reply.
pub trait Node<'a>: Copy {
    /// Iterates over children.
    type Children: Iterator<Item = Self>;
    /// What it is.
    fn shape(self) -> Shape<'a>;
    /// Its children, none for a leaf; a map's keys and values in turn.
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

/// Children of an owned value.
#[derive(Clone, Debug)]
pub enum ValueChildren<'a> {
    /// Of a list.
    Items(std::slice::Iter<'a, Value>),
    /// Of a map: the pairs to come, and the value of the key just given.
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
