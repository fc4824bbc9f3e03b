// Node has a WebSocket of its own only from version 22; browsers always had one.
import WebSocket from "ws";

globalThis.WebSocket ??= WebSocket;
