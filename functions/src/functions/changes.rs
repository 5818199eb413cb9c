//! What changed between two snapshots of a volume: the whole list of it, or as much as there is time for.

use crate::ports::{Changes, Position, Told};
use mirrorsnap_domain::changes::{Changed, Pair};
use mirrorsnap_domain::error::{Error, Kind, Result};

/// How often a list is begun anew without having come further.
const MOST_ANEW: u32 = 3;

/// Reads the list page by page while `may_ask` allows it. Errors: `NotComparable`; those of the call.
pub async fn changed(ports: &impl Changes, pair: &Pair, mut may_ask: impl FnMut() -> bool) -> Result<Changed> {
    let mut changed = Changed::nothing(pair.gib);
    let (mut from, mut anew) = (Position::Block(0), 0);
    while may_ask() {
        let asked = ports
            .changed_blocks(&pair.older.snapshot, &pair.newer.snapshot, &from)
            .await;
        match asked {
            Ok(Told::Page(page)) => {
                let before = changed.next();
                changed.add(&page);
                if changed.next() > before {
                    anew = 0;
                }
                match page.next {
                    Some(token) => from = Position::Token(token),
                    None => break,
                }
            }
            Ok(Told::TokenNotValid) if anew < MOST_ANEW => {
                anew += 1;
                from = Position::Block(changed.next());
            }
            Ok(Told::TokenNotValid) => {
                let found = format!(
                    "ebs:ListChangedBlocks of {} ended again and again with a token of its own that is not valid",
                    pair.newer.snapshot
                );
                return Err(Error::new(Kind::AwsUnavailable, found, "run the command again"));
            }
            Err(error) if error.kind() == Kind::NotComparable => return Err(pair.unrelated()),
            Err(error) => return Err(error),
        }
    }
    Ok(changed)
}
