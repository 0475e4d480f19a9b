import { mount } from "svelte";
import "./styles/tokens.css";
import "./styles/components.css";
import "./styles/layout.css";
import App from "./App.svelte";

mount(App, { target: document.body });
