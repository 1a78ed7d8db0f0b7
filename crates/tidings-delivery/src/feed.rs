//! What changes right now, told to whoever watches a project.
//!
//! Nobody waits for a watcher: one that does not keep up is told that much has changed, and looks anew. Without watchers it costs a
//! look at a number.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use tidings_domain::{DeliveryId, EventId, ProjectId, WebhookId};
use tokio::sync::broadcast::{self, error::RecvError};

/// News that a watcher may be behind with.
const BEHIND: usize = 256;

/// Something changed, and is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// A delivery came, was tried, or came to rest.
    Delivery(DeliveryId),
    /// How a webhook fares.
    Webhook(WebhookId),
    /// Something happened in the project.
    Event(EventId),
    /// More than can be told: look at everything.
    Much,
}

/// Tells watchers.
#[derive(Debug, Default)]
pub(crate) struct Feed {
    watchers: AtomicUsize,
    projects: Mutex<Projects>,
}

#[derive(Debug, Default)]
struct Projects {
    closed: bool,
    senders: HashMap<ProjectId, broadcast::Sender<News>>,
}

impl Feed {
    /// Whether anybody watches anything.
    pub(crate) fn is_watched(&self) -> bool {
        self.watchers.load(Ordering::Relaxed) > 0
    }

    /// Tells whoever watches that project.
    pub(crate) fn tell(&self, project: ProjectId, news: News) {
        if self.is_watched()
            && let Some(sender) = self.projects.lock().senders.get(&project)
        {
            // Nobody may be listening any more.
            let _ = sender.send(news);
        }
    }

    /// Begins to watch a project.
    pub(crate) fn watch(self: &Arc<Self>, project: ProjectId) -> Watch {
        let mut projects = self.projects.lock();
        let news = if projects.closed {
            broadcast::channel(1).1
        } else {
            let sender = projects.senders.entry(project);
            sender
                .or_insert_with(|| broadcast::channel(BEHIND).0)
                .subscribe()
        };
        self.watchers.fetch_add(1, Ordering::Relaxed);
        Watch {
            feed: Arc::clone(self),
            project,
            news,
        }
    }

    /// Nothing more is told: watchers find the end.
    pub(crate) fn close(&self) {
        let mut projects = self.projects.lock();
        projects.closed = true;
        projects.senders.clear();
    }
}

/// Somebody watches a project.
#[derive(Debug)]
pub struct Watch {
    feed: Arc<Feed>,
    project: ProjectId,
    news: broadcast::Receiver<News>,
}

impl Watch {
    /// The next news; `None`: the server stops.
    pub async fn next(&mut self) -> Option<News> {
        match self.news.recv().await {
            Ok(news) => Some(news),
            Err(RecvError::Lagged(_)) => Some(News::Much),
            Err(RecvError::Closed) => None,
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.feed.watchers.fetch_sub(1, Ordering::Relaxed);
        let mut projects = self.feed.projects.lock();
        let senders = &mut projects.senders;
        // This one still counts itself.
        if senders
            .get(&self.project)
            .is_some_and(|s| s.receiver_count() <= 1)
        {
            senders.remove(&self.project);
        }
    }
}

#[cfg(test)]
mod tests;
