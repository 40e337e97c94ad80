//! The connections to the metrics server. Their number is limited; a connection that has sent no request makes room
//! for a new one.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::JoinHandle;

/// The greatest number of connections at a time.
const CONNECTIONS_MAX: usize = 64;

/// A caller's place, held by the task that answers it.
#[derive(Clone, Debug, Default)]
pub(super) struct Place(Arc<AtomicBool>);

impl Place {
    /// The caller has sent its request, and is being answered.
    pub(super) fn has_asked(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_silent(&self) -> bool {
        !self.0.load(Ordering::Relaxed)
    }
}

/// All callers, in the order in which they connected.
#[derive(Default)]
pub(super) struct Callers(VecDeque<(Place, JoinHandle<()>)>);

impl Callers {
    /// Admits a connection; `answer` starts the task that answers it.
    pub(super) fn admit(&mut self, answer: impl FnOnce(Place) -> JoinHandle<()>) {
        self.0.retain(|(_, task)| !task.is_finished());
        if self.0.len() >= CONNECTIONS_MAX {
            self.send_one_away();
        }
        let place = Place::default();
        self.0.push_back((place.clone(), answer(place)));
    }

    /// Ends the oldest connection that has sent no request, or else the oldest of all.
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
