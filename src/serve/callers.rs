//! The connections of an HTTP server. Their number is limited; one that waits for nothing makes room for a new one.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::JoinHandle;

/// A caller's place, held by the task that answers it.
#[derive(Clone, Debug, Default)]
pub(super) struct Place(Arc<AtomicBool>);

impl Place {
    /// Whether the caller has sent a request that is being answered.
    pub(super) fn is_answered(&self, is_answered: bool) {
        self.0.store(is_answered, Ordering::Relaxed);
    }

    fn is_silent(&self) -> bool {
        !self.0.load(Ordering::Relaxed)
    }
}

/// All callers, in the order in which they connected.
#[derive(Debug)]
pub(super) struct Callers {
    most: usize,
    places: VecDeque<(Place, JoinHandle<()>)>,
}

impl Callers {
    /// At most `most` at a time.
    pub(super) const fn new(most: usize) -> Self {
        Self {
            most,
            places: VecDeque::new(),
        }
    }

    /// Admits a connection; `answer` starts the task that answers it.
    pub(super) fn admit(&mut self, answer: impl FnOnce(Place) -> JoinHandle<()>) {
        if self.places.len() >= self.most {
            self.places.retain(|(_, task)| !task.is_finished());
        }
        if self.places.len() >= self.most {
            self.send_one_away();
        }
        let place = Place::default();
        self.places.push_back((place.clone(), answer(place)));
    }

    /// Ends the oldest connection that has sent no request, or else the oldest of all.
    pub(super) fn send_one_away(&mut self) {
        let silent = self.places.iter().position(|(place, _)| place.is_silent());
        if let Some((_, task)) = self.places.remove(silent.unwrap_or(0)) {
            task.abort();
        }
    }

    /// Waits until all of them have gone.
    pub(super) async fn all_gone(&mut self) {
        for (_, task) in &mut self.places {
            let _ = task.await;
        }
        self.places.clear();
    }

    /// Ends all of them.
    pub(super) fn send_all_away(&mut self) {
        for (_, task) in self.places.drain(..) {
            task.abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_longest_silent_one_makes_room() {
        let mut callers = Callers::new(64);
        let mut places = Vec::new();
        let mut admit = |callers: &mut Callers| {
            callers.admit(|place| {
                places.push(place);
                tokio::spawn(std::future::pending())
            });
            places.last().expect("a place").clone()
        };
        admit(&mut callers).is_answered(true);
        let second = admit(&mut callers);
        for _ in 2..=64 {
            admit(&mut callers);
        }
        assert_eq!(callers.places.len(), 64);
        let is_there = |place: &Place| {
            let mut places = callers.places.iter();
            places.any(|(it, _)| Arc::ptr_eq(&it.0, &place.0))
        };
        assert!(!is_there(&second));
        let first = callers.places.front();
        assert!(first.is_some_and(|(place, _)| !place.is_silent()));
    }
}
