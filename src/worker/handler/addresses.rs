//! The order in which the addresses of a service's name are tried: the one that answered last comes first. Connecting
//! to an address that drops packets uses up much of the time for connecting, and an attempt may not have that much,
//! so such an address is not tried first twice.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::net::lookup_host;

/// The greatest number of addresses of one name that are tried.
const ADDRESSES_MAX: usize = 16;

/// What is known about the addresses, shared by all clones.
#[derive(Clone, Debug, Default)]
pub(super) struct Addresses(Arc<State>);

#[derive(Debug, Default)]
struct State {
    answered: Mutex<Option<IpAddr>>,
    /// How many connections were begun since that answer.
    begun: AtomicUsize,
}

impl State {
    fn known(&self) -> MutexGuard<'_, Option<IpAddr>> {
        self.answered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Addresses {
    /// Records the address from which an answer came.
    pub(super) fn answered(&self, from: Option<SocketAddr>) {
        if let Some(from) = from {
            *self.0.known() = Some(from.ip());
            self.0.begun.store(0, Ordering::Relaxed);
        }
    }

    /// The addresses in the order in which they are tried. Each connection without an answer moves the first one
    /// back.
    fn ordered(&self, mut found: Vec<SocketAddr>) -> Vec<SocketAddr> {
        let answered = *self.0.known();
        if let Some(at) = found.iter().position(|it| Some(it.ip()) == answered) {
            found[..=at].rotate_right(1);
        }
        let begun = self.0.begun.fetch_add(1, Ordering::Relaxed);
        if !found.is_empty() {
            let first = begun % found.len();
            found.rotate_left(first);
        }
        found
    }
}

impl Resolve for Addresses {
    fn resolve(&self, name: Name) -> Resolving {
        let this = self.clone();
        Box::pin(async move {
            let found = lookup_host((name.as_str(), 0)).await?.take(ADDRESSES_MAX);
            let addresses = this.ordered(found.collect());
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_that_answered_comes_first_and_silence_moves_on() {
        let address = |last| SocketAddr::from(([10, 0, 0, last], 0));
        let all = || vec![address(1), address(2), address(3)];
        let addresses = Addresses::default();
        let first = || addresses.ordered(all())[0];
        assert_eq!(
            [first(), first(), first(), first()],
            [1, 2, 3, 1].map(address)
        );
        addresses.answered(Some(address(3)));
        assert_eq!(addresses.ordered(all()), [3, 1, 2].map(address));
        assert_eq!(first(), address(1));
        // One that is there no longer.
        addresses.answered(Some(address(9)));
        assert_eq!(addresses.ordered(all()), all());
        assert_eq!(addresses.ordered(Vec::new()), []);
    }
}
