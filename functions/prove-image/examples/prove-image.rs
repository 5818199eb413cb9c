//! Judges image files: `prove-image`, and on its standard input one JSON object a line, each answered by one line:
//! `{"image": FILE, "cluster": PLACE, "data": PLACE, "fingerprint": HEX, "table": TABLE, "consistency": "stopped" or "frozen"}`, a place
//! being a partition's number or `"group/volume"`. With FILE as its argument it takes partitions 1 and 2 of that file and no fingerprint.
#![allow(clippy::print_stdout, reason = "it is for the tests, which read what it prints")]

use mirrorsnap_prove_image::{BLOCK, Block, Blocks, MirrorDisk, Place, Quiet, ReadError, Table, Verdict, judge};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{self, BufRead, Read, Seek, SeekFrom};

struct Image {
    file: File,
    size: u64,
}

impl Image {
    fn block(&mut self, index: u64) -> io::Result<Block> {
        let at = index * BLOCK as u64;
        let mut bytes = Vec::new();
        self.file.seek(SeekFrom::Start(at))?;
        (&mut self.file).take(BLOCK as u64).read_to_end(&mut bytes)?;
        Ok(if bytes.iter().all(|byte| *byte == 0) {
            Block::Sparse
        } else {
            Block::Bytes(bytes)
        })
    }
}

impl Blocks for Image {
    fn size(&self) -> u64 {
        self.size
    }

    fn read(&mut self, index: u64) -> Result<Block, ReadError> {
        self.block(index).map_err(|error| ReadError {
            index,
            found: error.to_string(),
        })
    }
}

fn place(value: &Value, or: u32) -> Option<Place> {
    match value {
        Value::Null => Some(Place::Partition(or)),
        Value::String(path) => {
            let (group, volume) = path.split_once('/')?;
            Some(Place::LogicalVolume {
                group: group.to_owned(),
                volume: volume.to_owned(),
            })
        }
        number => Some(Place::Partition(u32::try_from(number.as_u64()?).ok()?)),
    }
}

fn fingerprint(text: &str) -> Option<[u8; 32]> {
    let bytes: Option<Vec<u8>> = (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok())
        .collect();
    bytes?.try_into().ok()
}

fn answer(request: &Value) -> Result<Value, Box<dyn std::error::Error>> {
    let unclear = || format!("a request that cannot be read: {request}");
    let table: Option<Table> = serde_json::from_value(request["table"].clone())?;
    let print = match &request["fingerprint"] {
        Value::Null => None,
        text => Some(text.as_str().and_then(fingerprint).ok_or_else(unclear)?),
    };
    let subject = MirrorDisk {
        cluster_partition: place(&request["cluster"], 1).ok_or_else(unclear)?,
        data_partition: place(&request["data"], 2).ok_or_else(unclear)?,
        fingerprint: print,
        table,
        quiet: match request["consistency"].as_str() {
            None | Some("stopped") => Quiet::Unmounted,
            Some("frozen") => Quiet::Frozen,
            Some(_) => return Err(unclear().into()),
        },
    };
    let file = File::open(request["image"].as_str().ok_or_else(unclear)?)?;
    let size = file.metadata()?.len();
    let report = judge(&subject, &mut Image { file, size }).map_err(|error| error.to_string())?;
    let reason = match &report.verdict {
        Verdict::Clean(_) => None,
        Verdict::NotJudged(reason, _) => Some(reason.name()),
        Verdict::Unclean(reason, _) => Some(reason.name()),
    };
    Ok(json!({
        "verdict": report.verdict.name(), "reason": reason, "sentence": report.verdict.sentence(), "seen": report.seen,
        "table": report.table, "blocks": report.blocks, "sparse": report.sparse,
    }))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    if let Some(file) = std::env::args().nth(1) {
        println!("{}", answer(&json!({ "image": file }))?);
        return Ok(());
    }
    for line in io::stdin().lock().lines() {
        println!("{}", answer(&serde_json::from_str(&line?)?)?);
    }
    Ok(())
}
