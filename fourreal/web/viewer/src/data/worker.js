import { serve } from "./server.js";

serve(self);
