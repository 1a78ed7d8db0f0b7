//! The whole way of each role, with scripts and without: what it sees, what it does by clicking, and what it may not do.
//!
//! | file | holds |
//! |---|---|
//! | `house` | the server, its project, one account for each role |
//! | `actor` | somebody at a browser: sign in, follow, press, fill in, read |
//! | `work`, `hooks`, `trouble`, `office` | steps that several roles take: items, webhooks, what failed, the project's own pages |
//! | `reach` | every link and every button of every page leads to something that its role may do, and the rest is refused |
//! | one for each role | its way |

mod actor;
mod administrator;
mod hooks;
mod house;
mod locked;
mod managers;
mod office;
mod outsider;
mod reach;
mod stakeholder;
mod team_member;
mod trouble;
mod view_only;
mod work;
