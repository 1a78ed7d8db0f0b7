//! A world in which every page of the console has much to show.
//!
//! One project, `BIG`, has half of the webhooks. Four of them take all that happens there: one cannot be reached, so that a
//! third of all deliveries waits for it; one takes everything; one has given up a great deal; one was switched off after much of it was
//! parked, and misses the rest. The others have selected a few codes each, in every dialect. The other webhooks are spread over as many
//! projects as it takes.
//!
//! Everything is done through the use cases and the store, under a clock that runs through [`DAYS`] as the work does.

mod addresses;
pub(crate) mod crowd;
mod flow;
mod hooks;
mod house;
pub(crate) mod walk;

use std::path::Path;

pub(crate) use house::House;

pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// The large project.
pub(crate) const BIG: &str = "BIG";
/// The time through which deliveries are spread; retention keeps more.
const DAYS: u64 = 20;

/// How large it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    /// Of `BIG`.
    webhooks: usize,
    /// Beside it, each with [`Size::EACH`] webhooks.
    projects: usize,
    deliveries: u64,
    /// Changes of each turn that the four great webhooks of `BIG` are told of.
    changes: usize,
    /// Members, accounts, tokens: of each kind so many.
    people: usize,
    /// Entries of the audit log.
    audit: usize,
}

impl Size {
    /// Webhooks of each project but `BIG`.
    const EACH: usize = 5;

    /// So many webhooks and deliveries, and of the rest as much as goes with them.
    pub(crate) fn of(webhooks: usize, deliveries: u64) -> Self {
        let projects = (webhooks / 2 / Self::EACH).max(1);
        // About three hundred turns of a thousand changes for a million deliveries.
        let changes = usize::try_from(deliveries / 1000).unwrap_or(usize::MAX);
        Self {
            webhooks: webhooks - projects * Self::EACH,
            projects,
            deliveries,
            changes: changes.clamp(10, 1000),
            people: (webhooks / 2).clamp(4, 500),
            audit: usize::try_from(deliveries / 20).unwrap_or(usize::MAX),
        }
    }
}

/// The world, and what stands out in it.
pub(crate) struct World {
    pub(crate) house: House,
    pub(crate) people: crowd::People,
    pub(crate) hooks: hooks::Hooks,
    pub(crate) found: flow::Found,
}

impl World {
    /// Makes it in a file that is not there yet.
    pub(crate) async fn make(path: &Path, size: Size) -> Result<Self> {
        let house = House::open(path, DAYS).await?;
        let crowd = crowd::Crowd::gather(&house, size).await?;
        let mut hooks = hooks::Hooks::make(&house, size).await?;
        let found = flow::run(&house, &mut hooks, size).await?;
        hooks.fare(&house).await?;
        crowd::note(&house, size.audit).await?;
        let house = house.again().await?;
        // Sessions last some days only: they begin at the end.
        let people = crowd.sign_in(&house).await?;
        Ok(Self {
            house,
            people,
            hooks,
            found,
        })
    }
}
