// A page around the renderer of VS Code's Jupyter extension, in place of what VS Code puts around it:
// a kernel, over Jupyter's own channels, and an element for each output.

class Signal {
  connect(slot, self) {
    (this.slots ??= []).push(slot.bind(self));
    return true;
  }
  disconnect = () => true;
  emit = (sender, value) => this.slots?.forEach((slot) => slot(sender, value));
}

class Comm {
  constructor(kernel, targetName, commId) {
    Object.assign(this, { kernel, targetName, commId, isDisposed: false });
  }
  open = (data, metadata) => this.say("comm_open", { target_name: this.targetName, data }, metadata);
  send = (data, metadata) => this.say("comm_msg", { data }, metadata);
  close = (data = {}, metadata) => this.kernel.comms.delete(this.commId) && this.say("comm_close", { data }, metadata);
  say = (type, content, metadata) => this.kernel.say(type, { comm_id: this.commId, ...content }, metadata);
}

class Kernel {
  comms = new Map();
  targets = new Map();
  futures = new Map();

  constructor(socket, id) {
    const [name, session] = ["python3", crypto.randomUUID()];
    Object.assign(this, { socket, id, name, session, clientId: session, model: { id, name }, status: "idle" });
    for (const signal of ["statusChanged", "connectionStatusChanged", "iopubMessage", "unhandledMessage", "anyMessage", "disposed"]) this[signal] = new Signal();
    socket.onmessage = ({ data }) => this.hear(JSON.parse(data));
  }

  say(msg_type, content, metadata = {}) {
    const header = { msg_id: crypto.randomUUID(), msg_type, session: this.session, username: "", version: "5.3", date: new Date().toISOString() };
    const [nothing, future] = [() => {}, {}];
    for (const name of ["onIOPub", "onReply", "onDone", "dispose", "registerMessageHook"]) future[name] = nothing;
    future.done = new Promise((resolve) => (future.end = resolve));
    this.futures.set(header.msg_id, future);
    this.socket.send(JSON.stringify({ header, parent_header: {}, metadata, content, channel: "shell", buffers: [] }));
    return future;
  }

  async hear(message) {
    const { channel, content } = message;
    const type = message.header.msg_type;
    const future = this.futures.get(message.parent_header?.msg_id);
    message.buffers ??= [];
    if (type === "comm_open") this.createComm(content.target_name, content.comm_id).ready = this.targets.get(content.target_name)?.(this.comms.get(content.comm_id), message);
    const comm = this.comms.get(content.comm_id);
    if (type === "comm_close") this.comms.delete(content.comm_id) && comm.onClose?.(message);
    if (type === "comm_msg") await comm?.ready, await comm?.onMsg?.(message);
    if (channel === "iopub") this.iopubMessage.emit(this, message), future?.onIOPub(message);
    if (channel !== "shell") return;
    future?.onReply(message);
    future?.onDone(message);
    future?.end(message);
  }

  createComm(targetName, commId = crypto.randomUUID()) {
    this.comms.set(commId, new Comm(this, targetName, commId));
    return this.comms.get(commId);
  }
  registerCommTarget = (name, target) => this.targets.set(name, target);
  requestCommInfo = (content) => this.say("comm_info_request", content).done;
}

let kernel;
let manager;

/** Connect to a kernel; `modules` are the widgets' own, where VS Code finds them on the machine. */
window.start = async (url, id, modules) => {
  const { activate } = await import("./ipywidgets.js");
  activate();
  window.vscIPyWidgets8.load();
  const socket = new WebSocket(url);
  await new Promise((resolve) => (socket.onopen = resolve));
  kernel = new Kernel(socket, id);
  requirejs.config({ paths: modules });
  const scripts = { widgetsRegisteredInRequireJs: new Set(), loadWidgetScript: async () => {} };
  manager = new window.vscIPyWidgets.WidgetManager(kernel, document.body, scripts, () => {});
};

/** Run a cell, and show the widgets that it displays, as the extension's output renderer does. */
window.run = async (code, element) => {
  const shown = [];
  const future = kernel.say("execute_request", { code, silent: false, store_history: true, allow_stdin: false, user_expressions: {} });
  future.onIOPub = ({ header, content }) => {
    if (header.msg_type === "error") shown.push(Promise.reject(new Error(content.evalue)));
    const view = content.data?.["application/vnd.jupyter.widget-view+json"];
    if (view) shown.push(show(view.model_id, element));
  };
  await future.done;
  await Promise.all(shown);
};

async function show(modelId, node) {
  const view = await manager.create_view(await manager.get_model(modelId), {});
  await manager.display_view({}, view, { node });
}
