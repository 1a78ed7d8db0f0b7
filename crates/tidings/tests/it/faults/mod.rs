//! Faults of the disk, of the process and of the system under the real binary: what was answered with success is never lost, what
//! was not is never half there, and work goes on when the fault is gone.
//!
//! | module | holds |
//! |---|---|
//! | `rig` | the server on a disk that does what it is told, and the check at the end of each run |
//! | `few` | locked, read-only, no descriptors, no name server |
//! | `kills` | the process dies at every call that it makes of the disk |
//! | `kth` | the k-th write or sync fails, once or from then on |
//! | `power` | the power fails |
//! | `space` | the disk is full |
//! | `stop` | SIGTERM under load |

mod few;
mod kills;
mod kth;
mod power;
pub(crate) mod rig;
mod space;
mod stop;
