"""Entry, Merkle tree, signed note, checkpoint, witness, verify. Bytes in, bytes out; formats as C2SP tlog and RFC 6962."""
