// Addresses of the drill-down.

const link = (...parts) => `#/${parts.map(encodeURIComponent).join("/")}`;
export const streamLink = (stream) => link("stream", stream);
export const groupLink = (it) => link("group", it.stream, it.group);
/** The dead letters of a stream: the figures of a stream name the stream that has them. */
export const deadLettersLink = (it) => link("dead-letters", it.stream, it.dead_letter_stream);
export const entryLink = (stream, id) => link("entry", stream, id);
