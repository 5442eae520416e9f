//! Objects that live in a process of their own, for processes that share nothing else: Python's `Manager`.
//!
//! A [`Manager`] starts a server process. What it creates, dictionaries, lists, namespaces, values, queues and locks, lives there; what
//! its methods return are proxies, whose every method is a question to the server and its answer, over a Unix socket. Proxies
//! are `Serialize` and `Deserialize`, so they go to other processes as arguments or messages; a process that has nothing but the
//! server's [`name`](Manager::name) [connects](Manager::connect) and asks for what was [published](Manager::publish).
//!
//! ```
//! use heddle_ipc::manager::{Dict, Manager};
//!
//! let manager = Manager::start()?;
//! let ages: Dict<String, u32> = manager.dict()?;
//! ages.insert(&"Ada".to_owned(), &36)?;
//! manager.publish("ages", &ages)?;
//!
//! // Anywhere else, with the manager's name:
//! let other = Manager::connect(manager.name())?;
//! let ages: Dict<String, u32> = other.lookup("ages")?;
//! assert_eq!(ages.get(&"Ada".to_owned())?, Some(36));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What it costs: a method is a round trip over a socket, two wakes across processes; for data that many processes use often take
//! [`sync`](crate::sync) and [`queue`](crate::queue), which live in shared memory. What it gives: any type that serde knows, of any size, without
//! a segment, and one that no client can damage. A client that dies, at any moment, loses its locks, which the next one is told, and an
//! item that it was about to get goes back to its queue.
//!
//! Who may connect: processes of the same user, as the kernel says (`SO_PEERCRED`). A secret, as Python's `authkey`, would add
//! nothing: who runs as the same user can read it.
//!
//! - `protocol`: what is asked and answered; `wire`: how it goes over a socket;
//! - `server`: who answers; `objects`: what lives there;
//! - `client`: who asks; `proxy`: what all proxies have; `dict`, `list`, `value`, `queue`, `lock`: one proxy each.

mod client;
mod dict;
mod error;
mod list;
mod lock;
mod objects;
mod protocol;
mod proxy;
mod queue;
mod server;
mod start;
mod value;
mod wire;

pub use dict::{Dict, Namespace};
pub use error::{ConnectError, ManagerError, StartError};
pub use list::List;
pub use lock::{Lock, LockGuard};
pub use proxy::Proxy;
pub use queue::Queue;
pub use start::Manager;
pub use value::Value;
