//! What views ask beyond the looks: by the operations of `consumers`, `pending`, `dlq list`, `read` and `get`.

use anyhow::Result;

use crate::commands::shared::Context;
use crate::model::{Edge, EntryId};
use crate::streams::consumers::list;
use crate::streams::dead_letters::{Letters, Source, find, now_ms, tell_ages};
use crate::streams::pending::{PendingQuery, look};
use crate::streams::read::{self, Place, Range};
use crate::streams::select::Criteria;
use crate::top::{Answer, Question};
use crate::view::fields_in_a_line;

/// How many rows a view has at most.
const ROWS_MAX: usize = 200;
/// How many of the newest entries of a stream are shown.
const NEWEST_MAX: usize = 100;
/// How much of an entry's fields a row has, in columns.
const BRIEF_MAX: usize = 400;

/// Asks the server.
///
/// # Errors
/// Not found when what is asked about is gone; errors of the server.
pub(super) async fn ask(question: Question, context: &Context) -> Result<Answer> {
    let connection = context.connected().await?;
    Ok(match question {
        Question::Consumers(target) => Answer::Consumers(list(&connection, &target).await?),
        Question::Pending(target, consumer) => {
            let query = PendingQuery {
                filter: Criteria {
                    consumer,
                    ..Criteria::default()
                },
                age_min: None,
                count_max: ROWS_MAX,
                with_histogram: false,
                by: Vec::new(),
                clusters_max: 1,
            };
            Answer::Pending(Box::new(look(&connection, &target, &query).await?))
        }
        Question::Letters(stream) => {
            let source = Source::named(context.topology()?, &stream);
            let wanted = Letters {
                count_max: ROWS_MAX,
                ..Letters::default()
            };
            let (mut letters, has_more) = find(&connection, &source, &wanted).await?;
            tell_ages(&mut letters, now_ms(&connection).await?);
            Answer::Letters(letters, has_more)
        }
        Question::Newest(stream) => {
            let range = Range {
                start: Edge::Id(EntryId::MIN),
                end: Edge::Id(EntryId::MAX),
                reverse: true,
                count_max: NEWEST_MAX,
            };
            let mut entries = Vec::new();
            let mut lane = context.kept_lane().await?;
            read::read(&mut lane, &stream, range, |id, fields| {
                entries.push((id, fields_in_a_line(fields, BRIEF_MAX)));
                Ok(())
            })
            .await?;
            context.keep_lane(lane);
            Answer::Newest(entries)
        }
        Question::Entry(stream, id) => {
            let topology = context.topology()?;
            let mut lane = context.kept_lane().await?;
            let place = Place::Id(id);
            let entry = read::get(&connection, &mut lane, topology, &stream, place).await?;
            context.keep_lane(lane);
            Answer::Entry(entry)
        }
    })
}
