//! Who is connected to the metrics: so many at a time, and whoever says nothing makes room for the next.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::JoinHandle;

/// Connections at a time.
const CONNECTIONS_MAX: usize = 64;

/// A caller's place, for the task that answers it.
#[derive(Clone, Debug, Default)]
pub(super) struct Place(Arc<AtomicBool>);

impl Place {
    /// The caller has asked, and is being answered.
    pub(super) fn has_asked(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_silent(&self) -> bool {
        !self.0.load(Ordering::Relaxed)
    }
}

/// All callers, the longest connected first.
#[derive(Default)]
pub(super) struct Callers(VecDeque<(Place, JoinHandle<()>)>);

impl Callers {
    /// Lets one more in; `answer` starts the task that answers it.
    pub(super) fn admit(&mut self, answer: impl FnOnce(Place) -> JoinHandle<()>) {
        self.0.retain(|(_, task)| !task.is_finished());
        if self.0.len() >= CONNECTIONS_MAX {
            self.send_one_away();
        }
        let place = Place::default();
        self.0.push_back((place.clone(), answer(place)));
    }

    /// Ends the longest connection that has not asked anything, else the longest of all.
    pub(super) fn send_one_away(&mut self) {
        let silent = self.0.iter().position(|(place, _)| place.is_silent());
        if let Some((_, task)) = self.0.remove(silent.unwrap_or(0)) {
            task.abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_longest_silent_one_makes_room() {
        let mut callers = Callers::default();
        let mut places = Vec::new();
        let mut admit = |callers: &mut Callers| {
            callers.admit(|place| {
                places.push(place);
                tokio::spawn(std::future::pending())
            });
            places.last().expect("a place").clone()
        };
        admit(&mut callers).has_asked();
        let second = admit(&mut callers);
        for _ in 2..=CONNECTIONS_MAX {
            admit(&mut callers);
        }
        assert_eq!(callers.0.len(), CONNECTIONS_MAX);
        let is_there = |place: &Place| callers.0.iter().any(|(it, _)| Arc::ptr_eq(&it.0, &place.0));
        assert!(!is_there(&second));
        assert!(
            callers
                .0
                .front()
                .is_some_and(|(place, _)| !place.is_silent())
        );
    }
}
