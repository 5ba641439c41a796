//! The feed as it grows. One reader of the instance reads what is new once and passes it on; who listens and falls
//! behind, or begins further back, reads from the store until it has caught up.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::Events;
use super::places::Place;
use crate::model::{FeedEvent, FeedFilter, TokenId};
use crate::store::{Error, Tx};

/// How often it is looked for something new.
const LOOKS_EVERY: Duration = Duration::from_millis(250);

/// How long a store is left alone that does not answer.
const AFTER_ERROR: Duration = Duration::from_secs(5);

/// Events that are read together.
const TOGETHER: usize = 200;

/// One who listens.
#[derive(Debug)]
pub struct Follower {
    events: Events,
    filter: FeedFilter,
    /// Everything up to this number was given, or is not wanted.
    position: i64,
    /// Nothing as long as it reads from the store.
    news: Option<broadcast::Receiver<Arc<FeedEvent>>>,
    _place: Place,
}

/// What comes next.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct News {
    /// Events, oldest first.
    pub items: Vec<FeedEvent>,
    /// Events before them that are no longer kept.
    pub missed: i64,
}

impl Events {
    /// Follows the feed for as long as the program runs, for all who listen here.
    pub async fn read(self) {
        let mut position = None;
        loop {
            match self.look(position).await {
                Ok(next) => {
                    position = Some(next);
                    tokio::time::sleep(LOOKS_EVERY).await;
                }
                Err(error) => {
                    tracing::error!(%error, "the feed of events could not be read");
                    tokio::time::sleep(AFTER_ERROR).await;
                }
            }
        }
    }

    /// Numbers what is new, and passes it on. Gives how far it has come.
    async fn look(&self, position: Option<i64>) -> Result<i64, Error> {
        self.number().await?;
        let head = self.0.store.read(|tx: &mut Tx<'_>| tx.feed_head()).await?;
        let mut position = position.unwrap_or(head);
        // Nobody listens: whoever begins to reads what is behind it from the store.
        while position < head && self.0.news.receiver_count() > 0 {
            let from = position;
            let page =
                self.0.store.read(move |tx: &mut Tx<'_>| tx.feed(from, &FeedFilter::default(), TOGETHER)).await?;
            position = page.next;
            for event in page.items {
                // Whoever listened may have gone.
                let _ = self.0.news.send(Arc::new(event));
            }
            if position >= page.head {
                break;
            }
        }
        let position = position.max(head);
        self.0.head.send_if_modified(|known| std::mem::replace(known, position) != position);
        Ok(position)
    }

    /// Gives numbers to what has none yet.
    pub async fn number(&self) -> Result<(), Error> {
        number(&self.0.store).await
    }

    /// Listens from behind a number; from now on without one. `None` when too many listen already, or too many of this
    /// token.
    pub async fn follow(
        &self,
        after: Option<i64>,
        filter: FeedFilter,
        token: &TokenId,
    ) -> Result<Option<Follower>, Error> {
        let Some(place) = self.0.places.take(token) else { return Ok(None) };
        self.number().await?;
        let head = self.0.store.read(|tx: &mut Tx<'_>| tx.feed_head()).await?;
        let position = after.unwrap_or(head).clamp(0, head.max(0));
        Ok(Some(Follower { events: self.clone(), filter, position, news: None, _place: place }))
    }
}

/// Gives numbers to what is committed and has none yet.
pub(crate) async fn number(store: &crate::store::Store) -> Result<(), Error> {
    if store.read(|tx: &mut Tx<'_>| tx.is_feed_unnumbered()).await? {
        store.write(|tx: &mut Tx<'_>| tx.number_feed()).await?;
    }
    Ok(())
}

impl Follower {
    /// What comes next: waits for it.
    pub async fn next(&mut self) -> Result<News, Error> {
        loop {
            let Some(mut news) = self.news.take() else {
                let found = self.catch_up().await?;
                if !found.items.is_empty() || found.missed > 0 {
                    return Ok(found);
                }
                continue;
            };
            match news.recv().await {
                Ok(event) => {
                    self.news = Some(news);
                    // What was read from the store while listening comes twice.
                    if event.number > self.position {
                        self.position = event.number;
                        if self.filter.wants(&event.told) {
                            return Ok(News { items: vec![FeedEvent::clone(&event)], missed: 0 });
                        }
                    }
                }
                // Fell behind: the store has it all.
                Err(RecvError::Lagged(_) | RecvError::Closed) => {}
            }
        }
    }

    /// Reads from the store; listens from then on when it has caught up.
    async fn catch_up(&mut self) -> Result<News, Error> {
        // Before the look, so that nothing is between the two.
        let news = self.events.0.news.subscribe();
        let (from, filter) = (self.position, self.filter.clone());
        let page = self.events.0.store.read(move |tx: &mut Tx<'_>| tx.feed(from, &filter, TOGETHER)).await?;
        let missed = (page.oldest - 1 - from).max(0);
        self.position = page.next;
        if page.next >= page.head {
            self.news = Some(news);
        }
        Ok(News { items: page.items, missed })
    }
}
