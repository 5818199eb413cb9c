//! Reads one snapshot's blocks for the judge, which is synchronous and knows no SDK: it asks from a thread of its own, and its
//! questions are answered here. All of it is bounded by one deadline.

use crate::deadline::Deadline;
use crate::ports::{Clock, Fetched, Images, Listed};
use mirrorsnap_domain::ec2::SnapshotId;
use mirrorsnap_domain::error::{Error, Kind, Result};
use mirrorsnap_prove_image::{BLOCK, Block, Blocks, MirrorDisk, ReadError, Report, judge};
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

/// The first pause after a call that a repeat may cure, and the longest. Each pause doubles the last.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(8);
/// How often a block is asked for with a token of a new list. A token is good for days, so one new list is enough.
const TOKENS: u32 = 3;

/// Calls that were made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Calls {
    pub(super) lists: u32,
    pub(super) blocks: u32,
}

/// One snapshot, and what is known of the list of its blocks.
pub(super) struct Reader<'a, P> {
    ports: &'a P,
    snapshot: &'a SnapshotId,
    deadline: Deadline,
    bytes: u64,
    tokens: BTreeMap<u64, String>,
    /// The parts of the list that are known: first block to the first one behind.
    known: Vec<(u64, u64)>,
    pub(super) calls: Calls,
}

impl<'a, P: Images + Clock> Reader<'a, P> {
    /// Reads the first part of the list, which says how large the volume is.
    pub(super) async fn open(ports: &'a P, snapshot: &'a SnapshotId, deadline: Deadline) -> Result<Self> {
        let mut reader = Self {
            ports,
            snapshot,
            deadline,
            bytes: 0,
            tokens: BTreeMap::new(),
            known: Vec::new(),
            calls: Calls::default(),
        };
        reader.list(0).await?;
        Ok(reader)
    }

    /// Repeats a call that a repeat may cure, until the deadline.
    async fn patient<T>(&self, mut call: impl AsyncFnMut() -> Result<T>) -> Result<T> {
        let mut pause = FIRST_PAUSE;
        loop {
            match call().await {
                Err(error) if error.kind() == Kind::AwsUnavailable && !self.deadline.has_passed(self.ports) => {
                    tracing::info!(%error, "repeated");
                    self.ports.sleep(pause.min(self.deadline.left(self.ports))).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                ended => return ended,
            }
        }
    }

    async fn list(&mut self, from: u64) -> Result<()> {
        let listed: Listed = self
            .patient(async || self.ports.blocks(self.snapshot, from).await)
            .await?;
        self.calls.lists = self.calls.lists.saturating_add(1);
        if listed.block_bytes != BLOCK {
            let found = format!("{} has blocks of {} bytes", self.snapshot, listed.block_bytes);
            return Err(Error::new(
                Kind::AwsRefused,
                found,
                "report this: blocks of 524288 bytes are known here",
            ));
        }
        self.bytes = listed.gib.saturating_mul(1 << 30);
        let behind = match listed.tokens.last_key_value() {
            Some((last, _)) if listed.more => last.saturating_add(1),
            _ => u64::MAX,
        };
        self.known.push((from, behind));
        self.tokens.extend(listed.tokens);
        Ok(())
    }

    async fn block(&mut self, number: u64) -> Result<Block> {
        for _ in 0..TOKENS {
            if !self
                .known
                .iter()
                .any(|(from, behind)| (*from..*behind).contains(&number))
            {
                self.list(number).await?;
            }
            let Some(token) = self.tokens.get(&number) else {
                return Ok(Block::Sparse);
            };
            let fetched = self
                .patient(async || self.ports.block(self.snapshot, number, token).await)
                .await?;
            self.calls.blocks = self.calls.blocks.saturating_add(1);
            match fetched {
                Fetched::Bytes(bytes) => return Ok(Block::Bytes(bytes)),
                Fetched::TokenNotValid => {
                    self.known.clear();
                    self.tokens.clear();
                }
            }
        }
        let found = format!("no list of {} has a good token for block {number}", self.snapshot);
        Err(Error::new(Kind::AwsUnavailable, found, "it is repeated"))
    }

    /// Judges one mirror disk. The judge's thread ends with its channels, whatever becomes of this call.
    pub(super) async fn judge(&mut self, disk: MirrorDisk) -> Result<Report> {
        let (ask, asked) = channel();
        let (answer, answers) = channel();
        let mut source = Questions {
            bytes: self.bytes,
            ask,
            answers,
        };
        let judging = thread::spawn(move || judge(&disk, &mut source));
        let mut failure = None;
        // This waits for the judge's computing only: nothing else is done by this function meanwhile.
        while let Ok(number) = asked.recv() {
            let block = if self.deadline.has_passed(self.ports) {
                Err(Error::new(
                    Kind::AwsUnavailable,
                    format!("{} could not be read in time", self.snapshot),
                    "it is repeated; if it lasts, look at the AWS health dashboard",
                ))
            } else {
                self.block(number).await
            };
            let block = block.map_err(|error| {
                let found = error.to_string();
                failure.get_or_insert(error);
                found
            });
            if answer.send(block).is_err() {
                break;
            }
        }
        let judged = judging.join();
        match (judged, failure) {
            (Ok(Ok(report)), _) => Ok(report),
            (_, Some(error)) => Err(error),
            (Ok(Err(error)), None) => Err(broken(&error.to_string())),
            (Err(_), None) => Err(broken("the judge ended without a verdict")),
        }
    }
}

fn broken(found: &str) -> Error {
    Error::new(Kind::OutputUnreadable, found, "report this")
}

/// The judge's side: asks for a block, and waits for it.
struct Questions {
    bytes: u64,
    ask: Sender<u64>,
    answers: Receiver<std::result::Result<Block, String>>,
}

impl Blocks for Questions {
    fn size(&self) -> u64 {
        self.bytes
    }

    fn read(&mut self, index: u64) -> std::result::Result<Block, ReadError> {
        let gone = |_| "nobody waits for the verdict any more".to_owned();
        let answered = self.ask.send(index).map_err(|_| "nobody reads".to_owned());
        let answered = answered.and_then(|()| self.answers.recv().map_err(gone)?);
        answered.map_err(|found| ReadError { index, found })
    }
}
